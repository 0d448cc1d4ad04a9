import { loadSettings } from "../../config/load.ts";
import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { type Point, pointsOf } from "../../ledger/checklist.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { takeLock } from "../../ledger/lock.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { alignColumns } from "../../system/columns.ts";
import { readStackSource } from "../stack-source.ts";

/** What the command line says of a tick. */
export interface TickOptions {
  /** Number in the list, from 1 on, or the point's own words. */
  point: string | undefined;
  by: string | undefined;
  note: string | undefined;
}

async function folderOf(stack: string): Promise<string> {
  const { settings } = loadSettings(await readStackSource(stack));
  return evidenceFolder(settings.evidence.url);
}

/** Every point of every step that stands, in the order in which the steps began. */
export function pointsIn({ records }: Chain): Point[] {
  return [...foldEntries(records).values()].flatMap((entry) => pointsOf(entry, records));
}

/** The points of a stack. Needs its configuration and its evidence, not its target. */
export async function listPoints(stack: string): Promise<Point[]> {
  return pointsIn(Chain.open(await folderOf(stack)));
}

/** One line a point, its number first. */
export function renderPoints(points: readonly Point[]): string[] {
  if (points.length === 0) return ["no step that is done has points to look at"];
  const open = points.filter(({ tick }) => !tick).length;
  const rows = points.map(({ phase, step, subject, point, tick }, index) => {
    const who = tick ? ` (${tick.checkedBy}, ${tick.at}${tick.note ? `: ${tick.note}` : ""})` : "";
    return [String(index + 1), tick ? "[x]" : "[ ]", `${phase}/${step}, ${subject}: ${point}${who}`];
  });
  return [
    ...alignColumns(rows, ["right"]),
    ...(open > 0
      ? [`${open} open. Tick one: npx rollout checklist tick <number> --by <name> --note <text>`]
      : []),
  ];
}

/** The point that is meant. @throws {StepError} when there is none. */
export function findPoint(points: readonly Point[], meant: string | undefined): Point {
  const byNumber = /^\d{1,6}$/.test(meant ?? "") ? points[Number(meant) - 1] : undefined;
  const found = byNumber ?? points.find(({ point }) => point === meant);
  if (found) return found;
  throw new StepError(
    `checklist: expected a number from 1 to ${points.length} or the words of a point, got ${JSON.stringify(meant ?? "nothing")}. ` +
      "See them: npx rollout checklist",
  );
}

function requireName(by: string | undefined): string {
  const name = by?.trim() ?? "";
  if (name !== "" && name.length <= 200) return name;
  throw new StepError(
    `checklist: expected the name of the person who looked, got ${name === "" ? "none" : "more than 200 characters"}. Add --by 'First Last'.`,
  );
}

/** Ticks a point of a chain whose lock is held. A point that is ticked keeps its first tick. */
export function tickIn(chain: Chain, { point: meant, by, note }: TickOptions): string {
  const checkedBy = requireName(by);
  const { tick, ...found } = findPoint(pointsIn(chain), meant);
  if (tick) return `checklist: "${found.point}" was ticked before, by ${tick.checkedBy} at ${tick.at}`;
  const said = note === undefined ? {} : { note: note.slice(0, 2_000) };
  chain.append({ record: "event", event: "point-checked", ...found, checkedBy, ...said });
  return `checklist: ticked "${found.point}" of ${found.phase}/${found.step} (${found.subject}) for ${checkedBy}`;
}

/** Writes down that a person looked at a point and found it right. @returns what was done, for the person. */
export async function tickPoint(stack: string, options: TickOptions): Promise<string> {
  requireName(options.by);
  const folder = await folderOf(stack);
  const release = takeLock(folder, "checklist tick");
  try {
    return tickIn(Chain.open(folder), options);
  } finally {
    release();
  }
}
