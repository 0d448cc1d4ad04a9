import { basename, resolve } from "node:path";
import type { AuditSection } from "../config/audit.ts";
import { phaseNames } from "../config/phase.ts";
import { type EvidenceReader, entryKey } from "../ledger/entries.ts";
import { outputSnapshot } from "../steps/output-snapshot.ts";
import { resultOf } from "../steps/recorded.ts";
import { readSnapshot } from "../steps/snapshot/read-snapshot.ts";
import { hashFile } from "../system/sha256.ts";
import type { CarveoutCosts, Unseen } from "./judge-data.ts";
import { firstOutput, oneText, type SampledDeal } from "./read-outputs.ts";

/** The snapshot of phase 0, where it is what the evidence says of it. */
async function findSnapshot(evidence: EvidenceReader): Promise<string | Unseen> {
  const entry = evidence.entries().get(entryKey({ phase: phaseNames[0], step: outputSnapshot.name }));
  const { path, sha256 } = resultOf(outputSnapshot, entry) ?? {};
  if (path === undefined) return { unseen: "the evidence has no output snapshot of phase 0 to compare with" };
  const found = await hashFile(resolve(path)).catch(() => undefined);
  if (found === sha256) return resolve(path);
  return { unseen: `${path} is ${found === undefined ? "not there" : "not what the evidence says"}` };
}

/** What the deals cost before, by key; one pass over the file, whatever its size. */
async function readEarlier(
  file: string,
  keys: ReadonlySet<string>,
  field: string,
): Promise<Map<string, string>> {
  const costs = new Map<string, string>();
  for await (const { key, text } of readSnapshot(file)) {
    if (!keys.has(key)) continue;
    const cost = oneText(firstOutput(text), field);
    if (cost !== undefined) costs.set(key, cost);
    if (costs.size === keys.size) break;
  }
  return costs;
}

/** The costs of the sample's carveouts now, beside those of the same deals before the application knew of types. */
export async function compareCarveouts(
  deals: SampledDeal[] | Unseen,
  { type, field }: AuditSection["carveouts"],
  evidence: EvidenceReader,
  sampleArtifact: string,
): Promise<CarveoutCosts | Unseen> {
  if ("unseen" in deals) return deals;
  const snapshot = await findSnapshot(evidence);
  if (typeof snapshot !== "string") return snapshot;
  const own = deals.filter((deal) => deal.type === type);
  const before = await readEarlier(snapshot, new Set(own.map(({ key }) => key)), field);
  const pairs = own.flatMap(({ key, output }) => {
    const [now, earlier] = [oneText(output, field), before.get(key)];
    return now === undefined || earlier === undefined ? [] : [{ key, now, before: earlier }];
  });
  const compared = new Set(pairs.map(({ key }) => key));
  return {
    pairs,
    notCompared: own.filter(({ key }) => !compared.has(key)).map(({ key }) => key),
    evidence: [`snapshots/${basename(snapshot)}`, sampleArtifact],
  };
}
