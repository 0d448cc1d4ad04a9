import type { RolloutConfig } from "../config/schema.ts";
import type { Chain } from "../ledger/chain.ts";
import { connect } from "../postgres/connect.ts";
import { TargetGuard } from "../steps/target-guard.ts";

/**
 * Before anything is concluded from the evidence: is it what the database has seen? An empty folder would else read as
 * "no phase is done yet". A database that cannot be reached is told by the steps that need it.
 * @throws {BrokenChain} for evidence that is cut off, an old copy or of another store.
 */
export async function assertKnownEvidence(
  { stack, databaseUrl }: Pick<RolloutConfig, "stack" | "databaseUrl">,
  chain: Chain,
): Promise<void> {
  const target = new TargetGuard(stack, () => connect(databaseUrl));
  try {
    await target.assertKnows(chain);
  } finally {
    await target.close();
  }
}
