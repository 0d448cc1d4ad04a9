import { BrokenChain, type Chain } from "../../ledger/chain.ts";
import { assertKnownEvidence } from "../../rollout/known-evidence.ts";
import { shortSha } from "../../steps/restart/host-work.ts";
import type { Closing } from "./closing.ts";
import type { HostPlan } from "./host-traces.ts";

async function unknownToDatabase(config: Closing["config"], chain: Chain): Promise<string[]> {
  try {
    await assertKnownEvidence(config, chain);
    return [];
  } catch (error) {
    if (!(error instanceof BrokenChain)) throw error;
    return [error.message];
  }
}

/**
 * Ways in which the target knows of more evidence than this store holds, one line each: what is deployed, and what could
 * still be undone, cannot be told from it.
 */
export async function missedEvidence(
  { config }: Pick<Closing, "config">,
  chain: Chain,
  hosts: readonly HostPlan[],
): Promise<string[]> {
  const reached = chain.records.length;
  const ahead = hosts.filter(({ traces: { token = 0 } }) => token > reached);
  return [
    ...(await unknownToDatabase(config, chain)),
    ...ahead.map(
      ({ host, traces: { token } }) =>
        `expected evidence up to record ${token}, which ${host.name} has seen, got ${reached} records. ` +
        "Point evidence.url at the store that the last run used.",
    ),
  ];
}

/** Releases that stay because the evidence of who installed them is lost, one line for each host. Pure. */
export function unknownReleases(hosts: readonly HostPlan[]): string[] {
  return hosts
    .filter(({ others }) => others.length > 0)
    .map(
      ({ host, others }) =>
        `stays on ${host.name}: ${others.map(shortSha).join(", ")} in ${host.appDir}/releases: whether the rollout ` +
        "installed them stood in the evidence",
    );
}
