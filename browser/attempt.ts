import type { Locator, Page } from "playwright-core";
import { lineStart } from "../system/plain-line.ts";
import { describeKind, field } from "./element.ts";
import { NotAsExpected } from "./point-fault.ts";

/** Something that is done to an element. */
export interface Attempt {
  /** What is expected, in words. */
  expected: string;
  /** The element's name: `button "Create deal"`. */
  name: string;
  target: Locator;
  work: () => Promise<unknown>;
}

/** Does it. @throws {NotAsExpected} that says what of its kind there is, or what kept the element from it. */
export async function attempt(page: Page, { expected, name, target, work }: Attempt): Promise<void> {
  try {
    await work();
  } catch (error) {
    const count = await target.count().catch(() => 1);
    const seen = count === 0 ? await describeKind(page, name) : reasonOf(error as Error);
    throw new NotAsExpected({ expected, seen });
  }
}

/** Chooses an option of a list by its words. */
export async function chooseOption(
  page: Page,
  label: string,
  option: string,
  timeout: number,
): Promise<void> {
  const target = field(page, label);
  const work = () => target.selectOption({ label: option }, { timeout });
  const expected = `option "${option}" to be chosen in field "${label}"`;
  await attempt(page, { expected, name: `field "${label}"`, target, work });
}

/** What kept Playwright from it: the last state of the element that its account names, else its first line. */
export function reasonOf({ message }: Error): string {
  const plain = message.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g"), "");
  const state = [
    ...plain.matchAll(
      /^\s*(?:\d+ × )?- +(element is not \w+|did not find some options|.* intercepts pointer events)/gm,
    ),
  ];
  const first = plain.split("\n", 1)[0] ?? "";
  return lineStart(state.at(-1)?.[1] ?? first.replace(/^\w+\.\w+: /, ""), 200);
}
