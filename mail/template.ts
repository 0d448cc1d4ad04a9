import { readFile } from "node:fs/promises";
import { StepError } from "../errors/step-error.ts";
import { renderHtml } from "./markdown.ts";
import type { Letter } from "./message.ts";

/** A template and what may stand in braces in it. */
export interface TemplateUse {
  /** Step that asks, for messages. */
  step: string;
  /** Key of the config that names the file, for messages. */
  key: string;
  path: string;
  /** Page that lists the fields. */
  docs: string;
  fields: Record<string, string>;
}

async function readTemplate({ step, key, path }: TemplateUse): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new StepError(
      `${step}: expected a template in ${path}, got none that can be read. Correct ${key}.`,
      {
        cause,
      },
    );
  }
}

/**
 * Fills in a template: first line `Subject: …`, then Markdown. Braces around anything that is no field are refused:
 * nobody wants to receive `{date}`.
 * @throws {StepError} naming the template and what is wrong with it.
 */
function fillTemplate(template: string, { step, path, docs, fields }: TemplateUse): Letter {
  const refuse = (expected: string, got: string): never => {
    throw new StepError(
      `${step}: expected ${expected} in ${path}, got ${got}. Correct the template (${docs}).`,
    );
  };
  const [first = "", ...rest] = template
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n")
    .split("\n");
  // A lone carriage return, or any other control character, has no place in a header.
  const subject = /^Subject: *([^\s\p{Cc}][^\p{Cc}]*)$/u.exec(first)?.[1]?.trimEnd();
  const body = rest.join("\n").trim();
  if (!subject) return refuse("a first line `Subject: …`", JSON.stringify(first.slice(0, 80)));
  if (body === "") return refuse("a text below the subject", "none");
  const fill = (text: string) =>
    text.replaceAll(/\{([^{}\n]*)\}/g, (braced, field: string) =>
      Object.hasOwn(fields, field)
        ? (fields[field] as string)
        : refuse(`one of the fields ${Object.keys(fields).join(", ")}`, braced),
    );
  const letter = { subject: fill(subject), text: `${fill(body)}\n` };
  return { ...letter, html: renderHtml(letter) };
}

/** The letter that a template file makes. @throws {StepError} for a file that can't be read or is none. */
export async function renderTemplate(use: TemplateUse): Promise<Letter> {
  return fillTemplate(await readTemplate(use), use);
}

/** The first lines of a letter, for a preview. */
export function firstLines({ text }: Letter, count = 3): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(0, count).map((line) => (line.length > 120 ? `${line.slice(0, 119)}…` : line));
}
