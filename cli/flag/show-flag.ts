import { loadSettings } from "../../config/load.ts";
import { readStackSource } from "../stack-source.ts";
import type { Status, WorkerStatus } from "../status/contract.ts";
import { readWorkers } from "../status/workers.ts";

/** What is wanted, and what each process says of itself. */
type FlagAnswers = Pick<Status["flag"], "wanted" | "workers">;

const show = (value: boolean | null) => (value === null ? "not known to it" : value ? "on" : "off");

function renderWorker({ host, unit, pid, release, value, startedAt }: WorkerStatus): string {
  return `  ${host} ${unit} pid ${pid}: ${show(value)} (release ${release.slice(0, 12)}, since ${startedAt})`;
}

/** Code from before and after the flag knows none: that is no disagreement. */
function agreement({ wanted, workers }: FlagAnswers): string {
  const unaware = workers.filter(({ value }) => value === null).length;
  const others = workers.filter(({ value }) => value !== null && value !== wanted).length;
  if (workers.length === 0) return "";
  if (unaware === workers.length) return ", none of them knows it: it counts in phases 2 and 3";
  const aside = unaware > 0 ? `, ${unaware} know no flag` : "";
  return `${aside}, ${others > 0 ? `${others} do not agree` : `${unaware > 0 ? "the others" : "all"} agree`}`;
}

/** What is wanted and what each process says, as text. Pure. */
export function renderFlagStatus({
  flag,
  errors,
}: {
  flag: FlagAnswers;
  errors: readonly string[];
}): string[] {
  const wanted = flag.wanted === null ? "unknown" : show(flag.wanted);
  return [
    `flag ${wanted} wanted; ${flag.workers.length} processes answered${agreement(flag)}`,
    ...flag.workers.map(renderWorker),
    ...errors.map((error) => `error ${error}`),
  ];
}

/** `rollout flag status`: asks every process. Read-only. */
export async function showFlag(stack: string, { json }: { json: boolean }): Promise<string[]> {
  const { settings, config, targetFaults } = loadSettings(await readStackSource(stack));
  const errors = [...targetFaults];
  const workers = config ? await readWorkers(config.hosts, errors) : [];
  const flag = { wanted: settings.flag, workers };
  return json
    ? [JSON.stringify({ version: 1, stack, ...flag, errors }, null, 2)]
    : renderFlagStatus({ flag, errors });
}
