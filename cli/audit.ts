import type { Argv } from "yargs";
import { StepError } from "../errors/step-error.ts";
import { painted } from "../system/paint.ts";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface AuditOptions extends StackOption {
  json: boolean;
  tickets: string | undefined;
  check: boolean;
}

function addOptions(yargs: Argv<StackOption>): Argv<AuditOptions> {
  return yargs
    .option("json", {
      type: "boolean",
      default: false,
      describe: "Print JSON: the points with their verdicts",
    })
    .option("tickets", {
      type: "string",
      describe: "Support tickets about the change in the past week, where no command counts them",
    })
    .option("check", {
      type: "boolean",
      default: false,
      describe: "Look at no point: only see that configuration and evidence can be read from here",
    })
    .example([["$ rollout audit --tickets 2", "the same, with the number that a person looked up"]]);
}

function readTickets(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new StepError(
    `audit: expected a whole number for --tickets, got ${JSON.stringify(text)}. Give that of one week.`,
  );
}

/** `rollout audit`: the runbook's seven points. Exit code 0 all green, 1 one is red, 3 none is red but one is unknown. */
export const auditVerb: Verb<AuditOptions> = {
  command: "audit",
  describe:
    "Look at the seven points of the audit 30 days after phase 4: types, costs, tickets, toggles, tests",
  example: ["rollout audit", "each point green, red or unknown; exit code 0, 1 or 3"],
  builder: addOptions,
  async run({ stack, json, tickets, check }) {
    const { runAudit, checkAudit, exitCodeOf, renderAudit } = await import("./audit/run-audit.ts");
    if (check) {
      printLines([await checkAudit(stack)]);
      return 0;
    }
    const audit = await runAudit(stack, { tickets: readTickets(tickets) });
    printLines(json ? [JSON.stringify(audit, null, 2)] : renderAudit(audit, painted));
    return exitCodeOf(audit.points);
  },
};
