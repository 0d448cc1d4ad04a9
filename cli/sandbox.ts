import type { Argv } from "yargs";
import { StepError } from "../errors/step-error.ts";
import { readSandbox } from "../sandbox/description.ts";
import { logLine, printLines, type StackOption, type Verb } from "./verb.ts";

interface SandboxOptions extends StackOption {
  action: "up" | "down" | "reset" | "url" | "traffic";
  deals?: number | undefined;
  unmapped: boolean;
  force: boolean;
  json: boolean;
  rate: number;
  seconds: number;
}

function addOptions(yargs: Argv<StackOption>): Argv<SandboxOptions> {
  return yargs
    .positional("action", {
      choices: ["up", "down", "reset", "url", "traffic"] as const,
      demandOption: true,
      describe: "start · stop, data stays · as on the first day · its addresses · load through the app",
    })
    .option("deals", { type: "number", describe: "up, reset: deals to seed (20,000)" })
    .option("unmapped", {
      type: "boolean",
      default: false,
      describe: "up, reset: plant values that no rule maps",
    })
    .option("force", { type: "boolean", default: false, describe: "reset: also under a live stack" })
    .option("rate", { type: "number", default: 200, describe: "traffic: requests per second" })
    .option("seconds", { type: "number", default: 30, describe: "traffic: for how long" })
    .option("json", { type: "boolean", default: false, describe: "url, traffic: print JSON" })
    .example([
      ["$ rollout sandbox reset --deals 2000000", "two million deals"],
      ["$ rollout sandbox url --json", "{database, app}"],
      ["$ rollout sandbox traffic --rate 200 --seconds 30 --json", "sent, failed, refused, latency"],
    ]);
}

function describeSandbox(): { database: string; app: string } {
  const sandbox = readSandbox();
  if (!sandbox) {
    throw new StepError(
      "sandbox: expected it to run, got no description in .sandbox/sandbox.json. Start it: npx rollout sandbox up",
    );
  }
  return { database: sandbox.database, app: sandbox.app };
}

function printUrls(json: boolean): void {
  const urls = describeSandbox();
  printLines(json ? [JSON.stringify(urls)] : [`database ${urls.database}`, `app      ${urls.app}`]);
}

/** `deals` only where it was given: its default is the sandbox's own. */
function seedOf({ deals, unmapped }: SandboxOptions) {
  return { unmapped, ...(deals === undefined ? {} : { deals }) };
}

async function startSandbox(options: SandboxOptions): Promise<void> {
  const { sandboxUp } = await import("../sandbox/index.ts");
  await sandboxUp({ ...seedOf(options), log: logLine });
  printUrls(false);
}

async function stopSandbox(): Promise<void> {
  const { sandboxDown } = await import("../sandbox/index.ts");
  await sandboxDown({ log: logLine });
}

async function resetSandbox(options: SandboxOptions): Promise<void> {
  const { stack, force } = options;
  const { assertReplaceable, recordReplacement } = await import("./sandbox/target-replaced.ts");
  const { sandboxReset } = await import("../sandbox/index.ts");
  const replaced = await assertReplaceable(stack, force);
  await sandboxReset({ ...seedOf(options), log: logLine });
  if (replaced) await recordReplacement(stack, replaced);
  printUrls(false);
}

async function sendTraffic({ rate, seconds, json }: SandboxOptions): Promise<void> {
  const { runTraffic } = await import("../sandbox/traffic/run-traffic.ts");
  const { alignColumns } = await import("../system/columns.ts");
  const { app } = describeSandbox();
  const figures = await runTraffic({ app, rate, seconds });
  if (json) return printLines([JSON.stringify(figures)]);
  const { failures, ...numbers } = figures;
  const rows = Object.entries(numbers).map(([name, number]) => [name, String(number)]);
  printLines(alignColumns([...rows, ...failures.map((failure) => ["failure", failure])]));
}

/** `rollout sandbox …`: the embedded target. */
export const sandboxVerb: Verb<SandboxOptions> = {
  command: "sandbox <action>",
  describe: "Start, stop, reset, look up or load the embedded target",
  example: ["rollout sandbox up", "a private PostgreSQL and the application"],
  builder: addOptions,
  async run(options) {
    const actions = {
      up: () => startSandbox(options),
      down: stopSandbox,
      reset: () => resetSandbox(options),
      url: async () => printUrls(options.json),
      traffic: () => sendTraffic(options),
    };
    await actions[options.action]();
    return 0;
  },
};
