import type { RolloutConfig } from "../config/schema.ts";

/** State folder of a checkout's sandbox (bin/toolchain.mjs). */
const SANDBOX_STATE = /\/\.rollout\/state\/?$/;

/**
 * Why a real stack must not run here: in a shell of `rollout env` the backend is the sandbox's, which goes with the
 * checkout, and its passphrase with it. Pure.
 * @param backend PULUMI_BACKEND_URL as the program has it; of a login Pulumi tells the program nothing.
 */
export function findBorrowedBackend(
  { stack, environment }: Pick<RolloutConfig, "stack" | "environment">,
  backend: string | undefined,
): string[] {
  if (environment === "sandbox" || backend === undefined || !SANDBOX_STATE.test(backend)) return [];
  return [
    `backend: expected one of its own for stack ${stack}, got the sandbox's (${backend}), which goes when the checkout goes. ` +
      `This shell has it from \`rollout env\`. Leave it: eval "$(npx rollout env --stack ${stack})", or open another shell; ` +
      `then pulumi stack init ${stack}`,
  ];
}
