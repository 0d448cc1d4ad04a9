import { phaseTitle } from "../../config/phase.ts";
import { countLeft, describeLeft, leftCommands } from "../../ledger/left.ts";
import { shorten } from "../../postgres/backup/dump-rights.ts";
import { showNotProven } from "../../postgres/backup/left-out.ts";
import { alignColumns } from "../../system/columns.ts";
import { type Paint, unpainted } from "../../system/paint.ts";
import type { Status, WorkerStatus } from "./contract.ts";

const count = (rows: number) => rows.toLocaleString("en-US");
const titleOf = (phase: number | null) => (phase === null ? "none" : phaseTitle(phase));

/** A label and what there is to say of it; without a label it goes on with the row above. */
type Row = [label: string, text: string];
const line = (label: string, text: string): Row => [label, text];

/** Status as a person reads it, in at most some twenty lines. Pure. */
export function renderStatus(status: Status, paint: Paint = unpainted): string[] {
  const { stack, environment, phase, mode } = status;
  const rows: Row[] = [
    line("stack", `${stack} (${environment ?? "environment unknown"})`),
    ...(status.configValid
      ? []
      : [line(paint("bad", "config"), "FAULTY or unread: `up` refuses; the errors below say why")]),
    line(
      "phase",
      `${titleOf(phase.actual)} done; ${phase.wanted === null ? "unknown" : titleOf(phase.wanted)} wanted${mode ? `: ${mode}` : ""}`,
    ),
    ...(status.finished
      ? [line("finished", `${status.finished.at} by ${status.finished.by} (${status.finished.reason})`)]
      : []),
    ...renderRows(status),
    line("constraint", renderConstraint(status.constraint)),
    ...renderMaintenance(status, paint),
    ...renderFlag(status),
    line("backup", renderBackup(status.backup)),
    ...renderNotProven(status.backup),
    ...renderLeft(status, paint),
    ...status.drift.map(({ step, expected, observed }) =>
      line(paint("doubt", "drift"), `${step}: expected ${expected}, got ${observed}`),
    ),
    ...status.gates.flatMap((gate) => renderGate(gate, paint)),
    ...status.errors.map((error) => line(paint("bad", "error"), error)),
  ];
  return alignColumns(rows);
}

function renderRows({ rows }: Status): Row[] {
  if (!rows) return [line("rows", "unknown")];
  const types = Object.entries(rows.byType)
    .sort((a, b) => b[1] - a[1])
    .map(([value, number]) => `${JSON.stringify(value)} ${count(number)}`);
  const shown =
    types.slice(0, 6).join(", ") + (types.length > 6 ? `, … ${types.length - 6} more values` : "");
  const { total, null: none, invalid, unmapped } = rows;
  return [
    line(
      "rows",
      `${count(total)}: ${count(none)} NULL, ${count(invalid)} to migrate, ${count(unmapped)} unmapped`,
    ),
    ...(shown === "" ? [] : [line("", shown)]),
  ];
}

function renderConstraint(constraint: Status["constraint"]): string {
  if (!constraint) return "unknown";
  const check = constraint.present
    ? `CHECK ${constraint.validated ? "validated" : "not validated"}`
    : "no CHECK";
  return `${check}, ${constraint.notNull ? "NOT NULL" : "NULL allowed"}`;
}

function renderMaintenance({ maintenance }: Status, paint: Paint): Row[] {
  if (!maintenance) return [];
  const start = maintenance.start.join(" ").slice(0, 200);
  return [
    line(
      paint("bad", "writers"),
      `STOPPED since ${maintenance.since} (npx rollout up, or a lower phase, starts them: ${start})`,
    ),
  ];
}

function renderLeft({ left, stack }: Status, paint: Paint): Row[] {
  if (left.length === 0) return [];
  return [
    line(
      paint("bad", "LEFT"),
      `${count(countLeft(left))} as before the undo: nothing new begins until that is settled`,
    ),
    ...left.map((thing) => line("", describeLeft(thing))),
    line("", leftCommands(stack)),
  ];
}

function renderFlag({ flag }: Status): Row[] {
  const wanted = flag.wanted === null ? "unknown" : flag.wanted ? "on" : "off";
  return [
    line("flag", `${wanted} wanted (phases 2 and 3); ${countWorkers(flag.workers)}`),
    ...flag.workers.map((worker) => line("", renderWorker(worker))),
    ...(flag.proven ? [line("", renderProof(flag.proven))] : []),
  ];
}

/** `3 processes answered, 1 more is seen by the host (weaker)`. Pure. */
export function countWorkers(workers: readonly WorkerStatus[]): string {
  const answered = workers.filter(({ by }) => by === "health").length;
  const seen = workers.length - answered;
  return `${answered} processes answered${seen > 0 ? `, ${seen} more ${seen === 1 ? "is" : "are"} seen by the host (weaker)` : ""}`;
}

/** What one process runs, who says so, and why something is unknown. Pure. */
export function renderWorker({
  host,
  unit,
  pid,
  release,
  value,
  unknown,
  by,
  reason,
  startedAt,
}: WorkerStatus): string {
  const flag = unknown.includes("flag")
    ? "unknown"
    : value === null
      ? "not known to it"
      : value
        ? "on"
        : "off";
  const since = startedAt === "" ? "" : `, since ${startedAt}`;
  const how = by === "health" ? "" : `; by the host's look, weaker${reason ? `: ${reason}` : ""}`;
  return `${host} ${unit} pid ${pid}: flag ${flag} (release ${release.slice(0, 12)}${since})${how}`;
}

/** What was not proven by the processes themselves: `; 1 by the host's look alone (weaker)`, or nothing. Pure. */
export function proofLimits({ processes, byHealth, unknown }: NonNullable<Status["flag"]["proven"]>): string {
  const weaker = processes - byHealth;
  const parts = [
    ...(weaker > 0 ? [`${weaker} by the host's look alone (weaker)`] : []),
    ...(unknown.flag > 0 ? [`flag of ${unknown.flag} unknown`] : []),
    ...(unknown.release > 0 ? [`release of ${unknown.release} unknown`] : []),
  ];
  return parts.length > 0 ? `; ${parts.join(", ")}` : "";
}

function renderProof(proven: NonNullable<Status["flag"]["proven"]>): string {
  const { at, processes, value, release, unknown } = proven;
  const said =
    unknown.flag === processes
      ? "the flag of none is known"
      : `flag ${value === null ? "not known to them" : value ? "on" : "off"}`;
  const of = release ? ` of release ${release.slice(0, 12)}` : "";
  return `last proven ${at}: ${said}, by ${processes} processes${of}${proofLimits(proven)}`;
}

function renderBackup(backup: Status["backup"]): string {
  if (!backup) return "none";
  const proof = backup.provenAt ? `restored and compared ${backup.provenAt}` : "not restored yet";
  return `${backup.path} (SHA-256 ${backup.sha256.slice(0, 12)}…, ${proof})`;
}

function renderNotProven(backup: Status["backup"]): Row[] {
  const { notProven = [] } = backup ?? {};
  return notProven.length > 0 ? [line("", `not proven: ${shorten(notProven.map(showNotProven), 20)}`)] : [];
}

const NOT_BEGUN = /got (never run|undone)$/;

type Gate = Status["gates"][number];

function renderGate({ phase, met, missing, accepted, recorded }: Gate, paint: Paint): Row[] {
  const name = paint(met ? "good" : "doubt", `gate ${phase}`);
  const how = recorded ? " by the evidence; nobody could look" : "";
  if (met)
    return [
      line(name, `met${how}${accepted.length > 0 ? ", in spite of what was left out:" : ""}`),
      ...accepted.map((what) => line("", what)),
    ];
  // Of a phase that is not begun every step is missing: one line says it.
  if (missing.length > 0 && missing.every((what) => NOT_BEGUN.test(what)))
    return [
      line(
        name,
        `not met: ${phaseTitle(phase)} is not begun (${missing.length} step${missing.length === 1 ? "" : "s"})`,
      ),
    ];
  return [line(name, `not met${how}`), ...missing.map((what) => line("", what))];
}
