import type { Client } from "pg";
import type { BackupMethod } from "../../postgres/backup/dump-manifest.ts";
import { type LeaveOutPlan, type LeaveOutRequest, planLeaveOut } from "../../postgres/backup/left-out.ts";
import { availableExtensions } from "../../postgres/backup/machine-extensions.ts";
import { readObjects } from "../../postgres/backup/object-graph.ts";
import { findPathLeaners } from "../../postgres/backup/path-leaners.ts";

export interface ProofWish extends Pick<LeaveOutRequest, "leaveOut" | "keep"> {
  method?: BackupMethod | undefined;
}

/** What a proof will do without, what keeps it from being one, and what nobody could tell. */
export interface ProofReadiness extends Pick<LeaveOutPlan, "notProven" | "blockers"> {
  risks: string[];
}

/**
 * Looks at the database and at this machine for what a restore will meet, before any backup is taken: extensions that
 * can't be made here, objects that need a superuser, functions that find nothing without a search_path. Read-only.
 */
export async function checkProof(
  client: Client,
  { method, leaveOut, keep }: ProofWish,
): Promise<ProofReadiness> {
  const graph = await readObjects(client);
  const extensions = graph.nodes.some(({ kind }) => kind === "extension");
  const available = extensions ? await availableExtensions() : undefined;
  const filesCopied = method === "physical";
  const plan = planLeaveOut(graph, { leaveOut, keep, available, filesCopied });
  const unknown =
    extensions && !available
      ? [
          "not known before the restore: which extensions this machine has (`initdb --show` names no folder with them)",
        ]
      : [];
  if (filesCopied) return { ...plan, risks: unknown };
  const leaners = await findPathLeaners(client, graph, {
    leftOut: new Set(plan.nodes.map(({ id }) => id)),
    leaveOut,
  });
  return {
    notProven: plan.notProven,
    blockers: [...plan.blockers, ...leaners.blockers],
    risks: [...unknown, ...leaners.risks],
  };
}
