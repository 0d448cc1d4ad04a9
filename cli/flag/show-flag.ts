import { loadSettings } from "../../config/load.ts";
import { readStackSource } from "../stack-source.ts";
import type { Status, WorkerStatus } from "../status/contract.ts";
import { readWorkers } from "../status/workers.ts";

const show = (value: boolean | null) => (value === null ? "not known to it" : value ? "on" : "off");

function renderWorker({ host, unit, pid, release, value, startedAt }: WorkerStatus): string {
  return `  ${host} ${unit} pid ${pid}: ${show(value)} (release ${release.slice(0, 12)}, since ${startedAt})`;
}

/** What is wanted and what each process says, as text. Pure. */
export function renderFlagStatus({
  flag,
  errors,
}: {
  flag: Pick<Status["flag"], "wanted" | "workers">;
  errors: readonly string[];
}): string[] {
  const wanted = flag.wanted === null ? "unknown" : show(flag.wanted);
  const others = flag.workers.filter(({ value }) => value !== flag.wanted).length;
  const agree = others === 0 ? "all agree" : `${others} do not agree`;
  return [
    `flag ${wanted} wanted; ${flag.workers.length} processes answered, ${agree}`,
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
