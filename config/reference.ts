import { z } from "zod";
import { describeExpected, readNotes, unwrapSchema } from "./expectation.ts";
import { stackSchema } from "./schema.ts";

interface Row {
  path: string;
  schema: z.ZodType;
  /** Path of the list whose entries are of the same kind, and listed there. */
  as?: string;
}

/** Lists by the kind of their entries: what is in it is listed once. */
type Listed = Map<z.ZodType, string>;

/** Every key of a section with its path, parents before children. */
function listRows(path: string, schema: z.ZodType, listed: Listed): Row[] {
  const plain = unwrapSchema(schema);
  const own = { path, schema };
  if (plain instanceof z.ZodObject) {
    const children = Object.entries(plain.shape as Record<string, z.ZodType>);
    return [own, ...children.flatMap(([name, child]) => listRows(`${path}.${name}`, child, listed))];
  }
  if (plain instanceof z.ZodArray) {
    const element = plain.element as z.ZodType;
    if (!(unwrapSchema(element) instanceof z.ZodObject)) return [own];
    const as = listed.get(element);
    if (as !== undefined) return [{ ...own, as }];
    listed.set(element, path);
    return [own, ...listRows(`${path}[]`, element, listed).slice(1)];
  }
  return [own];
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

function formatRow({ path, schema, as }: Row): string {
  const { description = "", unit, secret, required, default: fallback } = readNotes(schema);
  const expected = describeExpected(schema) + (unit ? ` (${unit})` : "");
  const plain = fallback === undefined ? "" : `\`${JSON.stringify(fallback).replaceAll('"', "")}\``;
  const presence = secret ? "secret" : required ? "required" : plain;
  const more = as === undefined ? "" : ` Entries as in \`${as}\`.`;
  return `| \`${path}\` | ${cell(expected)} | ${presence} | ${cell(description)}${more} |`;
}

/** The reference of every configuration key, as Markdown. `node --import tsx config/reference.ts > docs/config.md` */
export function renderReference(): string {
  const shape = stackSchema("<stack>").shape as Record<string, z.ZodType>;
  const listed: Listed = new Map();
  const rows = Object.entries(shape).flatMap(([key, schema]) => listRows(key, schema, listed));
  return `${[
    "# Configuration",
    "",
    "<!-- Generated from config/schema.ts: `npm run docs:config`. Don't edit. -->",
    "",
    "Keys of `Pulumi.<stack>.yaml`, each under `deal-type-rollout:`. Set one with `pulumi config set phase 1`,",
    "an inner one with `pulumi config set --path migration.batchSize 500`, the secret with",
    "`pulumi config set --secret databaseUrl 'postgres://…'`. Every fault is reported at once, before anything is touched.",
    "",
    "`[]` stands for each entry of a list. An empty third column: may be left out.",
    "",
    "| key | value | default | meaning |",
    "|---|---|---|---|",
    ...rows.map(formatRow),
    "",
    "Environment variable `ROLLOUT_SANDBOX_DATABASE_URL`: a server for the sandbox on a machine without PostgreSQL; its role needs CREATEDB and CREATEROLE.",
  ].join("\n")}\n`;
}

if (process.argv[1]?.endsWith("config/reference.ts")) process.stdout.write(renderReference());
