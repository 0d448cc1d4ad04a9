import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, readSettings } from "../../config/load.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { assertContains, Chain } from "../../ledger/chain.ts";
import { describeLeft, type LeftThing, leftCommands, leftElsewhere, leftOf } from "../../ledger/left.ts";
import { evidenceFolder, evidencePart } from "../../ledger/store.ts";
import { readChainHead } from "../../postgres/chain-head.ts";
import { connect } from "../../postgres/connect.ts";
import { readLeft } from "../../postgres/migration/left-record.ts";
import { observeAll } from "../../rollout/observe-all.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { sha256Of } from "../../system/sha256.ts";
import { readStackSource } from "../stack-source.ts";
import { printLines } from "../verb.ts";

/** Artifacts whose content no longer fits the hash in their name. */
export function findAlteredArtifacts(folder: string): string[] {
  const artifacts = evidencePart(folder, "artifacts");
  if (!existsSync(artifacts)) return [];
  return readdirSync(artifacts)
    .filter((name) => /^[0-9a-f]{12}-/.test(name))
    .filter((name) => {
      const hash = sha256Of(readFileSync(join(artifacts, name)));
      return !name.startsWith(hash.slice(0, 12));
    })
    .map(
      (name) =>
        `evidence: expected the content that artifacts/${name} names by hash, got another. Restore the file.`,
    );
}

/** One that is said in a result, whole. The export of a journal is not meant: it holds rows, and may be erased (docs/finish.md). */
const NAMED = /^artifacts\/[0-9a-f]{12}-(?!journal-)[A-Za-z0-9._-]+$/;

function* namedArtifacts(value: unknown): Generator<string> {
  if (typeof value === "string" && NAMED.test(value)) yield value;
  if (typeof value === "object" && value !== null)
    for (const each of Object.values(value)) yield* namedArtifacts(each);
}

/** Artifacts that results name and that are gone. */
export function findLostArtifacts({ folder, records }: Pick<Chain, "folder" | "records">): string[] {
  const results = records.map((record) => (record.record === "end" ? record.result : undefined));
  const lost = [...new Set(namedArtifacts(results))].filter((path) => !existsSync(join(folder, path)));
  return lost.map(
    (path) => `evidence: expected ${path} in ${folder}, got no such file. Restore it from a copy.`,
  );
}

/** @returns what the database knows of the chain, and what undos have left in it. */
async function compareWithDatabase(
  { databaseUrl, stack, change }: Pick<RolloutConfig, "databaseUrl" | "stack" | "change">,
  chain: Chain,
): Promise<{ head: string; left: LeftThing[] }> {
  const client = await connect(databaseUrl);
  try {
    const left = await readLeft(client, change);
    const known = await readChainHead(client, stack);
    if (!known)
      return {
        head: "the database holds no chain head (nothing is migrated, or the rollout is finished)",
        left,
      };
    assertContains(chain.folder, [...chain.records], { number: known.seq, hash: known.hash }, "the database");
    return { head: `the database knows the chain up to record ${known.seq}`, left };
  } finally {
    await client.end();
  }
}

/** What undos have left, in the database and by the evidence elsewhere, one line each. */
export async function findLeft(
  config: Pick<RolloutConfig, "databaseUrl" | "stack" | "change">,
  chain: Chain,
): Promise<string[]> {
  const { head, left } = await compareWithDatabase(config, chain);
  printLines([`database: ${head}`]);
  const all = [...left, ...leftElsewhere(leftOf(chain.records))];
  return all.map((thing) => `LEFT ${describeLeft(thing)} ${leftCommands(config.stack)}`);
}

/** What every step sees that is not as the ledger says, one line each. */
export async function findDifferences(config: RolloutConfig, chain: Chain): Promise<string[]> {
  const { steps } = await observeAll(config, chain, observingDeps(config, chain));
  return steps.flatMap(({ spec: { identity }, entry, observation, error }) => {
    const name = `${identity.phase}/${identity.step}`;
    if (error) return [`${name}: expected a look at it, got: ${error}`];
    if (entry?.state === "half-done")
      return [`${name}: expected it done or undone, got half-done. Run: npx rollout recover`];
    if (entry?.state !== "done") return [];
    return (observation?.drift ?? []).map(
      ({ expected, observed }) => `${name}: expected ${expected}, got ${observed}. \`up\` repairs it.`,
    );
  });
}

/**
 * Checks chain, artifacts, the database's memory of the chain, and every finished step against reality.
 * @returns the differences, one complete line each.
 * @throws {BrokenChain} naming the first bad record.
 */
export async function verifyLedger(stack: string): Promise<string[]> {
  const { settings, config, faults, targetFaults } = readSettings(await readStackSource(stack));
  if (!settings.evidence) throw new ConfigError(faults);
  const chain = Chain.open(evidenceFolder(settings.evidence.url));
  printLines([`evidence: ${chain.records.length} records in ${chain.folder}, each hash and link right`]);
  const kept = [...findAlteredArtifacts(chain.folder), ...findLostArtifacts(chain)];
  // The records can be checked; the target only by a configuration that says where it is.
  if (!config) return [...kept, ...faults, ...targetFaults];
  const left = await findLeft(config, chain);
  return [...kept, ...left, ...(await findDifferences(config, chain))];
}
