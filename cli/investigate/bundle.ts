import { join } from "node:path";
import type { LoggedLines } from "../../hosts/log-lines.ts";
import { writeReport } from "../../ledger/report-file.ts";
import { findDifferences } from "../../steps/snapshot/output-differences.ts";
import { parseExactly } from "../../steps/snapshot/output-rules.ts";
import { sha256Of } from "../../system/sha256.ts";
import type { FreshOutputs } from "./fresh-outputs.ts";
import type { SnapshotOutputs } from "./snapshot-outputs.ts";

/** All that was found of one deal. */
export interface Investigation {
  stack: string;
  /** Folder of all reports. */
  reports: string;
  key: string;
  at: string;
  /** JSON text. */
  row: string;
  logs: { host: string; found: LoggedLines }[];
  snapshots: SnapshotOutputs;
  /** Or why there is none. */
  fresh: FreshOutputs | string;
}

/** Longest name that every file system takes. */
const LONGEST_NAME = 200;

/** Folder of a deal: its key, with nothing in it that means something to a file system. Pure. */
export function investigationFolder({
  reports,
  stack,
  key,
}: Pick<Investigation, "reports" | "stack" | "key">): string {
  const plain = encodeURIComponent(key).replaceAll(".", "%2E").replaceAll("*", "%2A");
  const digest = sha256Of(key).slice(0, 12);
  return join(
    reports,
    stack,
    "investigations",
    plain.length > LONGEST_NAME ? `${plain.slice(0, 150)}-${digest}` : plain,
  );
}

/** Whether two outputs are the same, in the fewest words; fields only, no values. */
function compareTexts(name: string, json: string, other: string | undefined, otherName: string): string[] {
  if (other === undefined) return [];
  try {
    const places = [
      ...new Set(findDifferences(parseExactly(json), parseExactly(other)).map(({ field }) => field)),
    ];
    const shown =
      places.slice(0, 10).join(", ") + (places.length > 10 ? ` and ${places.length - 10} more` : "");
    return [
      `- ${name} ${places.length === 0 ? `is what ${otherName} was` : `differs from ${otherName} in ${shown}`}`,
    ];
  } catch {
    return [`- ${name} or ${otherName} is no JSON that can be compared`];
  }
}

function freshLines({ fresh, snapshots: { outputs } }: Investigation): string[] {
  if (typeof fresh === "string") return [`- not analysed afresh: ${fresh}`];
  const [first, last] = [outputs[0], outputs.length > 1 ? outputs.at(-1) : undefined];
  return [
    `- release ${fresh.release}, asked just now`,
    ...compareTexts("with the flag off it", fresh.off, first?.json, `the snapshot of ${first?.startedAt}`),
    ...compareTexts("with the flag on it", fresh.on, last?.json, `the snapshot of ${last?.startedAt}`),
    ...compareTexts("with the flag on it", fresh.on, fresh.off, "with the flag off"),
  ];
}

/** What a person reads first. Names fields, never values: those are in the files beside it. Pure. */
export function renderSummary(investigation: Investigation): string {
  const { key, stack, at, logs, snapshots } = investigation;
  const { outputs, faults, notes } = snapshots;
  const said = (lines: string[], none: string) => (lines.length > 0 ? lines : [`- ${none}`]);
  return [
    `# Deal ${key}`,
    "",
    `Stack ${stack}, looked at ${at}. Business data is in this folder: remove it when the matter is closed.`,
    "",
    "## What breaks the rules",
    ...said(
      faults.map((fault) => `- ${fault}`),
      "nothing",
    ),
    "",
    "## Snapshots",
    ...outputs.map(
      ({ of, startedAt, type, failed }) =>
        `- ${of}, ${startedAt}: ${failed ? "no answer" : "answered"}, type ${type ?? "NULL"}`,
    ),
    ...notes.map((note) => `- ${note}`),
    "",
    "## Analysed afresh",
    ...freshLines(investigation),
    "",
    "## Logs",
    ...said(
      logs.flatMap(({ host, found }) => [
        `- ${host}: ${found.lines.length} lines`,
        ...found.faults.map((fault) => `- ${host}: ${fault}`),
      ]),
      "no logs are configured (deployment.logs)",
    ),
    "",
    "## Found, to be written down here",
    "",
  ].join("\n");
}

/** Writes the files, each readable by its owner alone. @returns the folder. */
export function writeBundle(investigation: Investigation): string {
  const { row, logs, snapshots, fresh } = investigation;
  const folder = investigationFolder(investigation);
  const write = (name: string, content: string) => writeReport(join(folder, name), `${content}\n`);
  write("row.json", row);
  for (const { host, found } of logs) write(`logs-${encodeURIComponent(host)}.log`, found.lines.join("\n"));
  for (const { of, json } of snapshots.outputs) write(`snapshot-${of.replaceAll("/", "-")}.json`, json);
  if (typeof fresh !== "string") {
    write("fresh-flag-on.json", fresh.on);
    write("fresh-flag-off.json", fresh.off);
  }
  write("differences.json", JSON.stringify(snapshots.faults, null, 1));
  write("summary.md", renderSummary(investigation));
  return folder;
}
