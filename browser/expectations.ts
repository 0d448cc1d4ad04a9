import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import type { Expectation } from "../config/browser-action.ts";
import { lineStart } from "../system/plain-line.ts";
import { chooseOption } from "./attempt.ts";
import { describeKind, field, seenElement } from "./element.ts";
import { type FieldState, readField } from "./field-state.ts";
import { matchPath } from "./path-template.ts";
import { NotAsExpected } from "./point-fault.ts";

const PAUSE_MS = 100;

/** The page, how long it may take to show something, and names that were kept from earlier paths. */
export interface Sight {
  page: Page;
  timeoutMs: number;
  kept: Record<string, string>;
}

/** Looks once. @returns what is seen instead; undefined when it is as expected. */
type Look = () => Promise<string | undefined>;

/** What is expected, in words, and how it is looked for. */
interface Check {
  expected: string;
  look: Look;
}

/** @throws {NotAsExpected} when it is not seen in time. */
export async function expectSight(expectation: Expectation, sight: Sight): Promise<void> {
  if (expectation.help) return expectHelp(expectation.help, sight);
  for (const check of checksOf(expectation, sight)) await untilSeen(check, sight.timeoutMs);
}

async function untilSeen({ expected, look }: Check, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    // A page that is just being left cannot be asked: the next one is.
    const seen = await look().catch((error: Error) => lineStart(error.message, 200));
    if (seen === undefined) return;
    if (performance.now() >= until) throw new NotAsExpected({ expected, seen });
    await sleep(PAUSE_MS);
  }
}

function checksOf(expectation: Expectation, { page, kept }: Sight): Check[] {
  const { visible, absent, value, selected, required, path, row, noRow } = expectation;
  if (visible) return [{ expected: `${visible} to be seen`, look: lookFor(page, visible) }];
  if (absent) return [{ expected: `no ${absent} to be seen`, look: lookForNone(page, absent) }];
  if (path) return [{ expected: `the path ${path}`, look: async () => matchPath(path, page.url(), kept) }];
  if (required !== undefined) {
    const said = ({ required: is }: FieldState) => (is ? undefined : "a field that may stay empty");
    return [{ expected: `field "${required}" to be required`, look: lookAtField(page, required, said) }];
  }
  if (row) return [rowCheck(page, row)];
  if (noRow) return [noRowCheck(page, noRow)];
  return [
    ...Object.entries(value ?? {}).map(([label, text]) => ({
      expected: `field "${label}" to hold ${JSON.stringify(text)}`,
      look: lookAtField(page, label, (is) => (is.value === text ? undefined : JSON.stringify(is.value))),
    })),
    ...Object.entries(selected ?? {}).map(([label, option]) => ({
      expected: `"${option}" to be chosen in field "${label}"`,
      look: lookAtField(page, label, (is) =>
        is.option === option ? undefined : `"${is.option ?? "nothing"}"`,
      ),
    })),
  ];
}

const lookFor =
  (page: Page, name: string): Look =>
  async () =>
    (await seenElement(page, name).count()) > 0 ? undefined : describeKind(page, name);

const lookForNone =
  (page: Page, name: string): Look =>
  async () => {
    const count = await seenElement(page, name).count();
    return count === 0 ? undefined : `${count} of them`;
  };

const lookAtField =
  (page: Page, label: string, judge: (state: FieldState) => string | undefined): Look =>
  async () => {
    const states = await readField(field(page, label));
    const [state] = states;
    if (!state) return describeKind(page, `field "${label}"`);
    return states.length > 1 ? `${states.length} fields of that label` : judge(state);
  };

type Row = NonNullable<Expectation["row"]>;

const table = (page: Page, caption: string) => seenElement(page, `table "${caption}"`);
const rowsOf = (page: Page, { table: caption, contains }: Row) =>
  table(page, caption).getByRole("row").filter({ hasText: contains, visible: true });

function rowCheck(page: Page, row: Row): Check {
  const look = async () => {
    if ((await rowsOf(page, row).count()) > 0) return undefined;
    const [text] = await table(page, row.table).allInnerTexts();
    return text === undefined ? describeKind(page, 'table ""') : `rows that say ${lineStart(text, 300)}`;
  };
  return { expected: `a row with "${row.contains}" in the table "${row.table}"`, look };
}

function noRowCheck(page: Page, row: Row): Check {
  const look = async () => {
    const [text] = await rowsOf(page, row).allInnerTexts();
    return text === undefined ? undefined : `the row ${lineStart(text, 200)}`;
  };
  return { expected: `no row with "${row.contains}" in the table "${row.table}"`, look };
}

async function expectHelp({ field: label, options }: NonNullable<Expectation["help"]>, sight: Sight) {
  const { page, timeoutMs } = sight;
  for (const [option, words] of Object.entries(options)) {
    await chooseOption(page, label, option, timeoutMs);
    const judge = ({ help }: FieldState) =>
      help.includes(words) ? undefined : help === "" ? "no help that is seen" : `"${lineStart(help, 300)}"`;
    const expected = `help with "${words}" for "${option}" in field "${label}"`;
    await untilSeen({ expected, look: lookAtField(page, label, judge) }, timeoutMs);
  }
}
