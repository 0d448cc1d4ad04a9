import { Host } from "../../config/target.ts";
import { StepError } from "../../errors/step-error.ts";
import type { HostReader } from "../../hosts/host-shell.ts";
import { HostError } from "../../hosts/host-shell.ts";
import { readReleases } from "../../hosts/release-folder.ts";
import type { Chain } from "../../ledger/chain.ts";
import { foldEntries } from "../../ledger/entries.ts";

/** A host that is gone for good, and why that is known. */
export interface AbandonWish {
  host: string;
  reason: string;
}

/** Hosts that steps which are not undone were applied to, by name: as they were then. */
function hostsInUse({ records }: Pick<Chain, "records">): Map<string, Host> {
  const specs = [...foldEntries(records).values()].filter(({ state }) => state !== "undone");
  const hosts = specs.flatMap(({ spec }) => (Array.isArray(spec.hosts) ? spec.hosts : []));
  return new Map(hosts.flatMap((host) => Host.safeParse(host).data ?? []).map((host) => [host.name, host]));
}

async function answers(host: Host, reader: HostReader): Promise<boolean> {
  try {
    await readReleases(host, reader);
    return true;
  } catch (error) {
    if (error instanceof HostError) return false;
    throw error;
  }
}

/**
 * Writes down that a host is gone for good: from then on what fails on it keeps no undo from its end. The caller holds
 * the evidence's lock.
 * @returns what that means, for the person.
 * @throws {StepError} without a reason, for a host that nothing was done to, and for one that answers.
 */
export async function abandonHost(
  chain: Chain,
  { host: name, reason }: AbandonWish,
  reader: HostReader,
): Promise<string[]> {
  if (reason.trim() === "")
    throw new StepError('recover: expected a reason for --without, got none. Say it: --reason "…"');
  const known = hostsInUse(chain);
  const host = known.get(name);
  if (!host) {
    const names = [...known.keys()].join(", ") || "none";
    throw new StepError(
      `recover: expected a host that something is to be undone on (${names}), got ${name}. Correct --without.`,
    );
  }
  if (await answers(host, reader))
    throw new StepError(
      `recover: expected ${name} to be out of reach, got an answer: \`up\` brings it back. Where the machine is another ` +
        "one by now, take its appDir away first.",
    );
  const note = `what cannot be undone on ${name} is left, and keeps nothing else from being undone`;
  chain.append({ record: "event", event: "host-abandoned", host: name, reason: reason.trim(), note });
  return [
    `${name} is given up (${reason.trim()}): ${note}`,
    `take ${name} out of \`hosts\` and of the load balancer: should it ever start again, it runs what it ran`,
  ];
}
