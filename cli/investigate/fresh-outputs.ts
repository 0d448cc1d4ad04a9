import type { RolloutConfig } from "../../config/schema.ts";
import { StepError } from "../../errors/step-error.ts";
import { localShell } from "../../hosts/local-shell.ts";
import type { Entry } from "../../ledger/entries.ts";
import { shadowHost } from "../../phases/shadow-host.ts";
import { withFlagPair } from "../../steps/shadow/shadow-pair.ts";
import { parseLine } from "../../steps/snapshot/snapshot-line.ts";

/** What the release says of a deal now, or which error there is instead; JSON either way. */
export interface FreshOutputs {
  release: string;
  on: string;
  off: string;
}

/** The release that the hosts are switched to and that knows the flag. */
function flaggedRelease(entries: Iterable<Entry>, { releases }: RolloutConfig): string {
  const switched = [...entries]
    .filter(
      ({ kind, state, spec }) =>
        kind === "release-switch" && state !== "undone" && spec.to !== releases.permanent,
    )
    .sort((a, b) => b.since - a.since);
  return (switched[0]?.spec.to as string | undefined) ?? releases.feature;
}

/** Asks a private instance of the release for the deals, with the flag on and off. Reads only, as the shadow comparison. */
export async function askAfresh(
  keys: readonly string[],
  config: RolloutConfig,
  entries: Iterable<Entry>,
  signal: AbortSignal,
): Promise<Map<string, FreshOutputs>> {
  const { shadow, hosts, flagVariable, outputs } = config;
  const host = shadowHost(hosts);
  if (!shadow || !host)
    throw new StepError(
      "investigate: expected shadow and a host in the stack config, got none: docs/regression.md",
    );
  const release = flaggedRelease(entries, config);
  // By requests alone: a command would ask the running application.
  const { command: _, ...requests } = outputs;
  const answers = new Map<string, FreshOutputs>();
  await withFlagPair(
    { shadow, host, release, flagVariable, signal, shell: localShell },
    requests,
    async (pair) => {
      for (const key of keys) {
        const [[on], [off]] = await Promise.all([pair.on.ask([key]), pair.off.ask([key])]);
        const jsonOf = (text = "") => parseLine(text)?.outputs ?? text;
        answers.set(key, { release, on: jsonOf(on?.line.text), off: jsonOf(off?.line.text) });
      }
    },
  );
  return answers;
}
