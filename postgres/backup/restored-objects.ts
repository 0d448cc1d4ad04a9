import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { StepError } from "../../errors/step-error.ts";
import type { Manifest } from "./dump-manifest.ts";
import { type LeaveOutPlan, type LeaveOutRequest, planLeaveOut } from "./left-out.ts";
import { unquoted } from "./object-closure.ts";
import { OBJECTS_FILE, ObjectGraph, type ObjectNode } from "./object-graph.ts";

/** The object graph that a logical backup was taken with. @param folder the backup's, in the clear. */
export async function loadObjects(folder: string): Promise<ObjectGraph> {
  const text = await readFile(join(folder, OBJECTS_FILE), "utf8").catch(() => undefined);
  if (text !== undefined) return ObjectGraph.parse(JSON.parse(text));
  throw new StepError(
    `restore-proof: expected ${OBJECTS_FILE} in the backup, got none: an earlier release took it. Take a new backup.`,
  );
}

/** What a restore does without. @throws {StepError} with every reason not to restore at all. */
export function settleLeaveOut(graph: ObjectGraph, request: LeaveOutRequest): LeaveOutPlan {
  const plan = planLeaveOut(graph, request);
  if (plan.blockers.length > 0) throw new StepError(plan.blockers.join("\n"));
  return plan;
}

/** The manifest of what is restored: without the objects that are left out. Pure. */
export function withoutObjects(manifest: Manifest, nodes: readonly ObjectNode[]): Manifest {
  const gone = new Set(nodes.map(({ schema, name }) => JSON.stringify([schema, name])));
  const shown = new Set(nodes.map(({ schema, name }) => `${schema}.${name}`));
  const extensions = new Set(
    nodes.filter(({ kind }) => kind === "extension").map(({ identity }) => unquoted(identity)),
  );
  const isThere = ({ schema, name }: { schema: string; name: string }) =>
    !gone.has(JSON.stringify([schema, name]));
  return {
    ...manifest,
    tables: manifest.tables.filter(isThere),
    sequences: manifest.sequences.filter(isThere),
    extensions: manifest.extensions.filter(({ name }) => !extensions.has(name)),
    materialisedViews: manifest.materialisedViews.filter((name) => !shown.has(name)),
    foreignTables: manifest.foreignTables.filter((name) => !shown.has(name)),
    extensionTables: manifest.extensionTables,
  };
}
