import { parseArgs } from "node:util";
import type { HostUnits } from "./host-units.ts";
import type { ActiveState, ServiceUnit } from "./service-unit.ts";
import { SocketUnit } from "./socket-unit.ts";
import { readDropIns } from "./unit-files.ts";
import { idOf, propertiesOf, subStateOf, type TimestampStyle, unknownProperties } from "./unit-properties.ts";

/** What a call of `systemctl` prints, and its exit code. */
export interface Answer {
  stdout: string;
  stderr: string;
  exitCode: number;
}

const OPTIONS = {
  property: { type: "string", short: "p", multiple: true },
  value: { type: "boolean" },
  timestamp: { type: "string" },
  signal: { type: "string", short: "s" },
  "kill-whom": { type: "string" },
  type: { type: "string", short: "t" },
  quiet: { type: "boolean", short: "q" },
  all: { type: "boolean", short: "a" },
  plain: { type: "boolean" },
  "no-legend": { type: "boolean" },
  "no-pager": { type: "boolean" },
} as const;

type Options = ReturnType<typeof parse>["values"];
type AnyUnit = ServiceUnit | SocketUnit;
interface Call {
  units: HostUnits;
  names: string[];
  options: Options;
}

function parse(argv: string[]) {
  return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
}

const answer = (exitCode: number, stdout: string[] = [], stderr: string[] = []): Answer => ({
  stdout: stdout.map((line) => `${line}\n`).join(""),
  stderr: stderr.map((line) => `${line}\n`).join(""),
  exitCode,
});

/** Does what `systemctl <argv>` would, with its messages and exit codes. @see systemctl(1) */
export async function runSystemctl(argv: string[], units: HostUnits): Promise<Answer> {
  const { values: options, positionals } = parse(argv);
  const [verb = "", ...names] = positionals;
  const job = JOBS[verb];
  if (job) return runJob(verb, job, { units, names, options });
  const look = LOOKS[verb];
  return look ? look({ units, names, options }) : answer(1, [], [`Unknown command verb ${verb}.`]);
}

const fullName = (name: string) => (/\.(service|socket)$/.test(name) ? name : `${name}.service`);

/** Changes one unit; a text is why it could not. */
type Job = (unit: AnyUnit, call: Call) => Promise<string | undefined>;

async function run(unit: AnyUnit, { units }: Call, job: "start" | "restart"): Promise<string | undefined> {
  if (unit instanceof SocketUnit) {
    if (job === "restart") unit.stop();
    await unit.start();
    return undefined;
  }
  if (await units.run(unit, job)) return undefined;
  return (
    `Job for ${idOf(unit)} failed because ${REASONS[unit.result] ?? "it did not start"}.\n` +
    `See "systemctl show ${idOf(unit)}" and "${unit.plan.folder}/journal.log" for details.`
  );
}

const REASONS: Record<string, string> = {
  "exit-code": "the control process exited with error code",
  signal: "a fatal signal was delivered to the control process",
  timeout: "a timeout was exceeded",
  resources: "of unavailable resources or another system error",
};

const JOBS: Record<string, Job> = {
  start: (unit, call) => run(unit, call, "start"),
  restart: (unit, call) => run(unit, call, "restart"),
  stop: async (unit) => void (await unit.stop()),
  // The processes go on as they are: nothing of their environment or release is read again.
  reload: async (unit) => {
    if (unit instanceof SocketUnit)
      return `Failed to reload ${idOf(unit)}: Job type reload is not applicable for unit ${idOf(unit)}.`;
    return unit.state === "active" ? undefined : `${idOf(unit)} is not active, cannot reload.`;
  },
  kill: async (unit, { options }) => {
    if (unit instanceof SocketUnit) return undefined;
    const name = options.signal ?? "TERM";
    unit.signal(
      (/^\d+$|^SIG/.test(name) ? name : `SIG${name}`) as NodeJS.Signals,
      options["kill-whom"] === "main" ? "main" : "all",
    );
    return undefined;
  },
  "reset-failed": async (unit) => {
    if (!(unit instanceof SocketUnit)) unit.resetFailed();
    return undefined;
  },
};

async function runJob(verb: string, job: Job, call: Call): Promise<Answer> {
  if (call.names.length === 0) return answer(1, [], [`Too few arguments.`]);
  const found = call.names.map((name) => call.units.find(name));
  const unknown = call.names.filter((_, index) => !found[index]).map(fullName);
  if (unknown.length > 0)
    return answer(
      5,
      [],
      unknown.map(
        (name) => `Failed to ${verb} ${name}: Unit ${name} not ${verb === "stop" ? "loaded" : "found"}.`,
      ),
    );
  const reasons = await Promise.all(found.map((unit) => (unit ? job(unit, call) : undefined)));
  const said = reasons.filter((reason) => reason !== undefined);
  return answer(said.length > 0 ? 1 : 0, [], said);
}

const LOOKS: Record<string, (call: Call) => Answer> = {
  "is-active": (call) => tellStates(call, "active", 3),
  "is-failed": (call) => tellStates(call, "failed", 1),
  show: ({ units, names, options }) => {
    const style = (options.timestamp ?? "pretty") as TimestampStyle;
    const asked = options.property?.flatMap((list) => list.split(","));
    const blocks = names.map((name) => {
      const unit = units.find(name);
      const all = unit ? propertiesOf(unit, style) : unknownProperties(fullName(name));
      return all
        .filter(([property]) => asked?.includes(property) ?? true)
        .map(([property, value]) => (options.value ? value : `${property}=${value}`));
    });
    return answer(
      0,
      blocks.flatMap((lines, index) => (index > 0 ? ["", ...lines] : lines)),
    );
  },
  "list-units": ({ units, options }) => {
    const listed = [...units.services, ...units.sockets]
      .filter((unit) => !options.type || idOf(unit).endsWith(`.${options.type}`))
      .filter((unit) => options.all || unit.state !== "inactive");
    return answer(
      0,
      listed.map((unit) => `${idOf(unit)} loaded ${unit.state} ${subStateOf(unit)} ${idOf(unit)}`),
    );
  },
  "daemon-reload": ({ units }) => {
    for (const service of units.services)
      service.dropIns = readDropIns(service.plan.folder, service.unit.unit);
    return answer(0);
  },
};

/** 0 when one of the units is in this state; a unit that nobody knows is 4. */
function tellStates({ units, names, options }: Call, wanted: ActiveState, otherwise: number): Answer {
  const found = names.map((name) => units.find(name));
  const states = found.map((unit) => unit?.state ?? "inactive");
  const code = found.some((unit) => unit === undefined) ? 4 : otherwise;
  return answer(states.includes(wanted) ? 0 : code, options.quiet ? [] : states);
}
