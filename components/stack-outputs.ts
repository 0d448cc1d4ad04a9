import type * as pulumi from "@pulumi/pulumi";
import { backup } from "../steps/backup.ts";
import type { RecordingStep } from "../steps/recorded.ts";
import type { RestartRecord } from "../steps/restart/restart-record.ts";
import { restoreProof } from "../steps/restore-proof.ts";
import { serviceRestart } from "../steps/service-restart.ts";
import type { StepCommand } from "./step-command.ts";

/** What the newest step of that kind returned; undefined where none is declared. */
function newest<Recorded extends object, T>(
  commands: readonly StepCommand[],
  step: RecordingStep<Recorded>,
  read: (result: Recorded | undefined) => T,
): pulumi.Output<T> | undefined {
  return commands
    .findLast((command) => Object.is(command.step, step))
    ?.resultOf(step)
    .apply(read);
}

/** The release that each host has proven last. */
const releasesOf = ({ hosts, release }: RestartRecord) =>
  Object.fromEntries(hosts.filter(({ state }) => state === "proven").map(({ host }) => [host, release]));

/** When the last process of the newest proof began to run, UTC. */
const provenSince = ({ hosts }: RestartRecord) =>
  hosts
    .flatMap(({ processes }) => processes.map(({ startedAt }) => startedAt))
    .sort()
    .at(-1);

/** What a person or another stack may want to know of the rollout; nothing that a step has not proven. */
export const stackOutputs = (commands: readonly StepCommand[]) => ({
  /** Folder of the newest backup. */
  backup: newest(commands, backup, (result) => result?.path),
  /** When a restore of it was last compared with the original, UTC. */
  backupProvenAt: newest(commands, restoreProof, (result) => result?.provenAt),
  /** The flag as the running processes have said it: null for code that knows none. */
  flag: newest(commands, serviceRestart, (result) => result?.flag),
  /** Start of the youngest process that said so, UTC. */
  flagProvenSince: newest(commands, serviceRestart, (result) => result && provenSince(result)),
  /** By host, the commit that its processes have proven. */
  releases: newest(commands, serviceRestart, (result) => result && releasesOf(result)),
});
