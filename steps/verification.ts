import type { Client } from "pg";
import { z } from "zod";
import { SmokeSection } from "../config/smoke.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { Change } from "../postgres/migration/change.ts";
import { readChangeRecord } from "../postgres/migration/change-record.ts";
import { type ConstraintState, readConstraint } from "../postgres/migration/constraint-ddl.ts";
import { countRows, type RowCounts } from "../postgres/migration/counts.ts";
import { showRows } from "../postgres/migration/estimate.ts";
import {
  describeAccepted,
  type NegativeWrite,
  tryNegativeWrites,
} from "../postgres/migration/negative-writes.ts";
import { withConnection } from "../postgres/session.ts";
import { readAppHealth } from "./smoke/app-health.ts";
import { AskedHost, readServices, type ServiceHealth } from "./smoke/service-health.ts";
import { runSmoke, type SmokeResult, type SmokeTarget, smokeBlockers } from "./smoke/smoke-run.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const VerificationSpec = BaseSpec.extend({
  change: Change,
  /** The application's base address; without it its health is not asked for. */
  app: z.object({ url: z.string() }).optional(),
  /** Services whose processes have to say that they run and reach their database. */
  hosts: z.array(AskedHost).optional(),
  /** A trial of the application as its users do it. */
  smoke: SmokeSection.optional(),
  /** Commit that runs now, for the smoke command. */
  release: z.string().optional(),
});
export type VerificationSpec = z.infer<typeof VerificationSpec>;

export interface VerificationResult {
  /** Rows before the first change; null when the database does not remember. */
  before: RowCounts | null;
  after: RowCounts;
  constraint: ConstraintState;
  /** Writes that were refused; null for an empty table, where none can be tried. */
  negativeWrites: NegativeWrite[] | null;
  /** What `/health` answered; null when no application is configured. */
  health: Record<string, unknown> | null;
  services: ServiceHealth[];
  /** Null when no smoke command is configured. */
  smoke: SmokeResult | null;
}

type Look = Omit<VerificationResult, "services" | "smoke">;

const targetOf = ({ app, release = "" }: VerificationSpec): SmokeTarget => ({
  app: app?.url ?? "",
  release,
});

async function observe(spec: VerificationSpec, deps: StepDeps): Promise<Observation> {
  const { change, app, hosts = [], smoke } = spec;
  const units = hosts.flatMap(({ name, services }) => services.map(({ unit }) => `${unit} on ${name}`));
  const plan = [
    `counts the rows, reads pg_constraint, tries forbidden inserts into ${change.table} that are rolled back` +
      (app ? `, asks ${app.url}/health` : ""),
    ...(units.length > 0 ? [`asks every process of ${units.join(", ")} whether it is healthy`] : []),
    ...(smoke ? [`runs the smoke command ${smoke.command.join(" ").slice(0, 200)}`] : []),
  ];
  const done = isDoneWith(deps.evidence.entries().get(entryKey(spec.identity)), spec);
  const blockers = done
    ? []
    : [...(smoke ? await smokeBlockers(smoke, targetOf(spec)) : []), ...(await healthBlockers(spec, deps))];
  return { drift: [], plan, undo: [], blockers, estimateSeconds: 1 };
}

/** A service that is being restarted gets another chance; preview does not wait for more. */
const TRIES_IN_PREVIEW = 2;

/** What would fail this step though the migration went well: asked before anything is changed. */
async function healthBlockers({ app, hosts = [] }: VerificationSpec, deps: StepDeps): Promise<string[]> {
  const health = app ? readAppHealth(app.url, deps.signal) : Promise.resolve();
  const down = await health.then(
    () => [],
    (error: unknown) => {
      if (error instanceof StepError) return [error.message];
      throw error;
    },
  );
  const { faults } = await readServices(hosts, deps.signal, { tries: TRIES_IN_PREVIEW });
  return [
    ...down,
    ...faults.map(
      (fault) =>
        `verification: ${fault}. Start the service or look at its log: phase 1 ends with this question.`,
    ),
  ];
}

function faultsOf({ after, constraint, negativeWrites }: Look, change: Change): string[] {
  return [
    ...(after.invalid === 0 ? [] : [`${showRows(after.invalid)} outside the allowed values`]),
    ...(constraint.present && constraint.asWanted
      ? []
      : [`no CHECK ${change.constraint} with the allowed values`]),
    ...(constraint.present && !constraint.validated ? [`CHECK ${change.constraint} not validated`] : []),
    ...(constraint.notNull ? [] : [`${change.column} accepts NULL`]),
    ...describeAccepted(negativeWrites ?? [], change),
  ];
}

async function look(client: Client, spec: VerificationSpec, deps: StepDeps): Promise<Look> {
  const { change, app } = spec;
  return {
    before: (await readChangeRecord(client))?.rowsBefore ?? null,
    after: await countRows(client, change),
    constraint: await readConstraint(client, change),
    negativeWrites: (await tryNegativeWrites(client, change)) ?? null,
    health: app ? await readAppHealth(app.url, deps.signal) : null,
  };
}

async function lookAtTable(spec: VerificationSpec, deps: StepDeps): Promise<Look> {
  const result = await withConnection(deps, (client) => look(client, spec, deps));
  const faults = faultsOf(result, spec.change);
  if (faults.length > 0) {
    throw new StepError(
      `verification: expected ${spec.change.table} to be migrated, got ${faults.join("; ")}. ` +
        "Run `rollout preview`: it shows the drift that `rollout up` repairs.",
    );
  }
  if (result.negativeWrites === null) {
    deps.log(`verification: ${spec.change.table} is empty, so no forbidden write was tried`);
  }
  return result;
}

async function lookAtServices({ hosts = [] }: VerificationSpec, deps: StepDeps): Promise<ServiceHealth[]> {
  const { services, faults } = await readServices(hosts, deps.signal);
  if (faults.length > 0) {
    const lines = faults.map((fault) => `verification: ${fault}.`);
    throw new StepError(`${lines.join("\n")}\nStart the service or look at its log, then run again.`);
  }
  for (const { host, unit } of services.filter(({ answered }) => answered === null)) {
    deps.log(`verification: ${unit} on ${host} was not asked: it has no health address`);
  }
  const releases = new Set(
    services.flatMap(({ answered }) => answered ?? []).flatMap(({ release }) => release ?? []),
  );
  if (releases.size > 1) deps.log(`verification: the services run ${[...releases].join(" and ")}`);
  return services;
}

async function trySmoke(spec: VerificationSpec, deps: StepDeps): Promise<SmokeResult | null> {
  if (!spec.smoke) return null;
  const outcome = await runSmoke(spec.smoke, targetOf(spec), deps);
  if (typeof outcome !== "string") return outcome;
  throw new StepError(
    "verification: expected the smoke command to pass on the migrated table, got " +
      `${outcome}\nMend what it names and run again, or lower the phase: the undo brings every value back.`,
  );
}

/** What was seen, in one line. Pure. */
function describeProof({ after, negativeWrites, services, smoke }: VerificationResult): string {
  const processes = services.flatMap(({ answered }) => answered ?? []).length;
  return [
    `${showRows(after.total)}, every value allowed`,
    ...(negativeWrites ? [`${negativeWrites.length} forbidden writes refused`] : []),
    ...(processes > 0 ? [`${processes} processes healthy`] : []),
    ...(smoke ? ["the smoke command passed"] : []),
  ].join("; ");
}

async function apply(spec: VerificationSpec, deps: StepDeps): Promise<VerificationResult> {
  const table = await lookAtTable(spec, deps);
  const services = await lookAtServices(spec, deps);
  const result = { ...table, services, smoke: await trySmoke(spec, deps) };
  deps.log(`verification: ${describeProof(result)}`);
  return result;
}

async function undo(): Promise<UndoResult> {
  return { summary: "nothing to undo: it only looked", kept: [] };
}

/** Proves the migration by looking: counts, catalogue, refused writes, the application's own health. */
export const verification = defineStep({
  name: "verification",
  spec: VerificationSpec,
  lease: false,
  deadlineSeconds: HOUR,
  observe,
  apply,
  undo,
});
