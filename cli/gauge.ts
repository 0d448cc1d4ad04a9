import { loadConfig } from "../config/load.ts";
import { Chain } from "../ledger/chain.ts";
import { staysLine } from "../ledger/finished.ts";
import { evidenceFolder } from "../ledger/store.ts";
import { observeAll } from "../rollout/observe-all.ts";
import { observingDeps } from "../rollout/observing-deps.ts";
import { readStackSource } from "./stack-source.ts";

/** Below every phase: what is observed then is the way back of everything. */
const NOTHING = -1;

/** What `destroy` would undo, newest step first, and what it could not restore. Read-only. */
export async function gaugeDestroy(stack: string): Promise<string[]> {
  const config = loadConfig(await readStackSource(stack));
  const chain = Chain.open(evidenceFolder(config.evidence.url));
  const { steps, finished } = await observeAll(
    { ...config, phase: NOTHING },
    chain,
    observingDeps(config, chain),
  );
  // Of every step the same, some fifty times.
  if (finished) return [`gauge: ${staysLine(finished)}`];
  if (steps.length === 0) return ["gauge: nothing is left to undo"];
  const undone = [...steps].reverse().flatMap(({ spec: { identity }, observation, error }) => {
    const name = `${identity.phase}/${identity.step}`;
    if (error) return [`  ${name}: could not look: ${error}`];
    return (observation?.undo ?? []).map((line) => `  ${name}: ${line}`);
  });
  return [
    "gauge: destroy would undo",
    ...(undone.length > 0 ? undone : ["  only records: no step changed the target"]),
  ];
}
