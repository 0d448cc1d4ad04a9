import * as pulumi from "@pulumi/pulumi";

/**
 * Keeps back the SDK's own debug lines. It sends the engine four for each resource, by a call each, to be shown with
 * `--debug` alone: more calls than all others together, and a sixth of a preview. Nothing tells a program of `--debug`:
 * who wants them sets ROLLOUT_SDK_DEBUG, as `npx rollout preview --debug` does. The engine's own lines are shown anyway.
 */
export function dropUnheardLines(environment: NodeJS.ProcessEnv): void {
  if (environment.ROLLOUT_SDK_DEBUG) return;
  const log: { debug: typeof pulumi.log.debug } = pulumi.log;
  log.debug = () => Promise.resolve();
}
