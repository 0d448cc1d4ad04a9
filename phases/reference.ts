import { showDuration } from "../system/duration.ts";
import { PHASES } from "./index.ts";
import type { PhaseRow } from "./table.ts";

const HEAD = `# Phases

<!-- Generated from phases/*.ts: \`npm run docs:phases\`. Don't edit. -->

What each phase consists of, in order. Going back undoes the same steps from the last to the first.

*follows*: the step is done again whenever that one is. *flag*: the step runs again when only the flag is changed.
*at most*: its process is ended after that time.
`;

const kindOf = ({ name, step }: PhaseRow) => (step.name === name ? "" : ` (\`${step.name}\`)`);

function renderRow(row: PhaseRow, index: number): string {
  const cells = [
    ...[String(index + 1), `\`${row.name}\`${kindOf(row)}`, row.why],
    ...[row.follows ? `\`${row.follows.name}\`` : "", row.followsFlag ? "yes" : ""],
    showDuration(row.deadlineSeconds),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The page docs/phases.md. */
export function renderPhases(): string {
  const sections = PHASES.map(({ number, name, brings, runbook, rows }) =>
    [
      `## Phase ${number}: ${name}\n`,
      `${brings} Runbook ${runbook}.\n`,
      "| | step | why it stands there | follows | flag | at most |",
      "|---|---|---|---|---|---|",
      ...rows.map(renderRow),
      "",
    ].join("\n"),
  );
  return [HEAD, ...sections].join("\n");
}

if (process.argv[1]?.endsWith("phases/reference.ts")) process.stdout.write(renderPhases());
