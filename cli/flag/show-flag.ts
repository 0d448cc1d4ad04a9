import { loadSettings } from "../../config/load.ts";
import { readStackSource } from "../stack-source.ts";
import type { Status } from "../status/contract.ts";
import { countWorkers, renderWorker } from "../status/render.ts";
import { flagLook, readWorkers } from "../status/workers.ts";

/** What is wanted, and what each process says of itself. */
type FlagAnswers = Pick<Status["flag"], "wanted" | "workers">;

const show = (value: boolean) => (value ? "on" : "off");

/** Code from before and after the flag knows none: that is no disagreement. */
function agreement({ wanted, workers }: FlagAnswers): string {
  const untold = workers.filter(({ unknown }) => unknown.includes("flag")).length;
  const unaware = workers.filter(({ value }) => value === null).length - untold;
  const others = workers.filter(({ value }) => value !== null && value !== wanted).length;
  if (workers.length === 0) return "";
  if (untold === workers.length) return ", what they run is not known";
  if (unaware === workers.length) return ", none of them knows it: it counts in phases 2 and 3";
  const aside = [
    ...(unaware > 0 ? [`, ${unaware} know no flag`] : []),
    ...(untold > 0 ? [`, of ${untold} it is not known`] : []),
  ].join("");
  const rest = unaware + untold === workers.length ? "" : ", the others agree";
  return `${aside}${others > 0 ? `, ${others} do not agree` : aside === "" ? ", all agree" : rest}`;
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
    `flag ${wanted} wanted; ${countWorkers(flag.workers)}${agreement(flag)}`,
    ...flag.workers.map((worker) => `  ${renderWorker(worker)}`),
    ...errors.map((error) => `error ${error}`),
  ];
}

/** `rollout flag status`: asks every process. Read-only. */
export async function showFlag(stack: string, { json }: { json: boolean }): Promise<string[]> {
  const { settings, config, targetFaults } = loadSettings(await readStackSource(stack));
  const errors = [...targetFaults];
  const workers = config ? await readWorkers(config.hosts, errors, flagLook(settings)) : [];
  const flag = { wanted: settings.flag, workers };
  return json
    ? [JSON.stringify({ version: 1, stack, ...flag, errors }, null, 2)]
    : renderFlagStatus({ flag, errors });
}
