import type { Client } from "pg";
import { z } from "zod";
import { SmokeTestSection } from "../config/smoke-test.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { findMarked, hasColumn, newMarker } from "../postgres/deals/marked-rows.ts";
import { Change } from "../postgres/migration/change.ts";
import { withConnection } from "../postgres/session.ts";
import { Basis } from "./restart/basis.ts";
import { removalBlockers } from "./smoke/deal-removal.ts";
import { type ApiAnswer, reasonOf, SmokeApi } from "./smoke/smoke-requests.ts";
import { type TestDeals, undoTestDeals, withTestDeals } from "./smoke/test-deals.ts";
import { judgeOutput, valuesAt } from "./snapshot/output-rules.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const SmokeTestSpec = BaseSpec.extend({
  change: Change,
  /** The application's address as its users reach it. */
  app: z.strictObject({ url: z.string() }),
  smokeTest: SmokeTestSection.optional(),
  basis: Basis,
});
export type SmokeTestSpec = z.infer<typeof SmokeTestSpec>;

export type SmokeTestResult =
  | { skipped: string }
  | {
      /** Types that were tried, and rules that their analyses kept. */
      cases: { type: string; rules: number }[];
      /** How the application refused the invalid type. */
      invalidStatus: number;
      /** Test deals that were removed, those of a killed run included. */
      removed: number;
      /** Those of them that the application did not remove and the database did. */
      removedByDatabase: number;
    };

/** What is read again of it. */
const SmokeTestRecord = z.union([z.object({ skipped: z.string() }), z.object({ removed: z.number() })]);
type SmokeTestRecord = z.infer<typeof SmokeTestRecord>;

type Ready = SmokeTestSpec & { smokeTest: SmokeTestSection };

/** One run against the application, with what it needs. */
interface Trial {
  spec: Ready;
  api: SmokeApi;
  client: Client;
}

const SKIPPED = "the flag is off: there is no new behaviour to try";

async function findBlockers({ smokeTest, change }: SmokeTestSpec, deps: StepDeps): Promise<string[]> {
  if (!smokeTest) {
    return [
      "smoke-test: expected smokeTest in the stack config, got none. Say how a deal is created, analysed and removed: docs/code-deployment-checks.md.",
    ];
  }
  const { marker, cases, tokenVariable } = smokeTest;
  const [column, unremovable] = await withConnection(
    deps,
    async (client) =>
      [
        await hasColumn(client, change, marker.field),
        await removalBlockers(smokeTest, client, "smoke-test"),
      ] as const,
  );
  return [
    ...unremovable,
    ...(column
      ? []
      : [
          `smoke-test: expected a column ${marker.field} in ${change.schema}.${change.table}, got none: test deals could not be found again. Correct smokeTest.marker.field.`,
        ]),
    ...cases
      .filter(({ type }) => !change.allowed.includes(type))
      .map(
        ({ type }) =>
          `smoke-test: expected cases of ${change.allowed.join(", ")}, got ${type}. Correct smokeTest.cases.`,
      ),
    ...(change.allowed.includes(smokeTest.invalidType)
      ? [
          `smoke-test: expected an invalid type that change.allowed does not list, got ${smokeTest.invalidType}. Correct smokeTest.invalidType.`,
        ]
      : []),
    ...(tokenVariable === undefined || process.env[tokenVariable]
      ? []
      : [
          `smoke-test: expected the variable ${tokenVariable} in the environment, got none. Set it, or remove smokeTest.tokenVariable.`,
        ]),
  ];
}

async function observe(spec: SmokeTestSpec, deps: StepDeps): Promise<Observation> {
  const { basis, smokeTest, app } = spec;
  if (!basis.flag) return { drift: [], plan: [`tries nothing: ${SKIPPED}`], undo: [], blockers: [] };
  const types = smokeTest?.cases.map(({ type }) => type).join(", ") ?? "no type";
  const plan = [
    `creates, analyses and removes test deals of ${types} at ${app.url}, and one of an invalid type that has to be refused`,
  ];
  const entry = deps.evidence.entries().get(entryKey(spec.identity));
  const undo = entry?.state === "half-done" ? ["removes test deals that a killed run left"] : [];
  const blockers = isDoneWith(entry, spec) ? [] : await findBlockers(spec, deps);
  return { drift: [], plan, undo, blockers, estimateSeconds: 2 };
}

const isWell = ({ status }: ApiAnswer) => status >= 200 && status < 300;

/** The new deal's key, as a text whatever the application makes of it. */
function keyOf({ body }: ApiAnswer, { keyField }: SmokeTestSection): string | undefined {
  const [key] = valuesAt(body, keyField);
  return key === undefined || key === null || key === "" ? undefined : String(key);
}

/** @returns what was not as it should be, one line each. */
async function tryCase(
  { type, rules }: SmokeTestSection["cases"][number],
  { spec, api }: Trial,
): Promise<string[]> {
  const { smokeTest } = spec;
  const created = await api.create(type, newMarker(smokeTest.marker));
  if (!isWell(created)) return [`${type}: expected a deal to be created, got status ${created.status}`];
  const key = keyOf(created, smokeTest);
  if (key === undefined) return [`${type}: expected the new deal's key in ${smokeTest.keyField}, got none`];
  const analysis = await api.analyse(key);
  if (!isWell(analysis)) return [`${type}: expected an analysis, got status ${analysis.status}`];
  // These deals are our own: what was found can be told.
  return judgeOutput(rules, analysis.body).map(
    ({ fault, found }) => `${type}: ${fault}${found.length > 0 ? ` (${found.slice(0, 10).join(", ")})` : ""}`,
  );
}

async function tryInvalid({ spec, api, client }: Trial): Promise<{ status: number; faults: string[] }> {
  const { smokeTest, change } = spec;
  const marker = newMarker(smokeTest.marker);
  const { status } = await api.create(smokeTest.invalidType, marker);
  const rows = await findMarked(client, change, smokeTest.marker);
  const kept = rows.some((row) => row.marker === marker);
  const faults = [
    ...(status >= 400 && status < 500
      ? []
      : [`invalid type ${smokeTest.invalidType}: expected a status from 400 to 499, got ${status}`]),
    ...(kept ? [`invalid type ${smokeTest.invalidType}: expected no row, got one`] : []),
  ];
  return { status, faults };
}

async function tryAll(trial: Trial, { signal, log }: StepDeps) {
  const { cases } = trial.spec.smokeTest;
  const faults: string[] = [];
  let invalidStatus = 0;
  try {
    for (const one of cases) {
      signal.throwIfAborted();
      faults.push(...(await tryCase(one, trial)));
      log(`smoke-test: tried ${one.type}`);
    }
    const invalid = await tryInvalid(trial);
    invalidStatus = invalid.status;
    faults.push(...invalid.faults);
  } catch (error) {
    signal.throwIfAborted();
    faults.push(`expected ${trial.spec.app.url} to answer, got ${reasonOf(error)}`);
  }
  return { faults, invalidStatus };
}

const dealsOf = ({ change, app, smokeTest }: Pick<Ready, "change" | "app" | "smokeTest">): TestDeals => ({
  ...{ change, app, removal: smokeTest, marker: smokeTest.marker, step: "smoke-test" },
});

function refuse(faults: readonly string[]): void {
  if (faults.length === 0) return;
  const lines = faults.map((fault) => `  - ${fault}`).join("\n");
  throw new StepError(
    `smoke-test: expected every trial to go well, got:\n${lines}\nMend what is named and run again, or take the flag back: rollout config set flag false, then up.`,
  );
}

async function apply(spec: SmokeTestSpec, deps: StepDeps): Promise<SmokeTestResult> {
  if (!spec.basis.flag) return { skipped: SKIPPED };
  const blockers = await findBlockers(spec, deps);
  const { smokeTest } = spec;
  if (!smokeTest || blockers.length > 0) throw new StepError(blockers.join("\n"));
  const ready = { ...spec, smokeTest };
  return withConnection(deps, async (client) => {
    const api = new SmokeApi(spec.app.url, ready.smokeTest, deps.signal);
    const { value, removed, byDatabase, left } = await withTestDeals(dealsOf(ready), deps, () =>
      tryAll({ spec: ready, api, client }, deps),
    );
    refuse([...value.faults, ...left]);
    return {
      cases: ready.smokeTest.cases.map(({ type, rules }) => ({ type, rules: rules.length })),
      invalidStatus: value.invalidStatus,
      ...{ removed, removedByDatabase: byDatabase },
    };
  });
}

async function undo(spec: SmokeTestSpec, deps: StepDeps, result?: SmokeTestRecord): Promise<UndoResult> {
  const { smokeTest, change, app } = spec;
  const finished = deps.evidence.entries().get(entryKey(spec.identity))?.doneNumber !== undefined;
  // A run that ended well has removed its deals: going back needs neither database nor application for it.
  if (!smokeTest || (finished && result && !("skipped" in result)))
    return { summary: "nothing to undo: its test deals were removed", kept: [] };
  return undoTestDeals(dealsOf({ change, app, smokeTest }), deps);
}

/**
 * Tries the new behaviour through the application's API, as its users get it: a deal of each type, and an invalid one.
 * Test deals bear a marker and are always removed, after a crash by the next run or by the undo.
 * @see runbook 2.4, 2.7; docs/code-deployment-checks.md
 */
export const smokeTest = defineStep({
  name: "smoke-test",
  spec: SmokeTestSpec,
  result: SmokeTestRecord,
  lease: false,
  deadlineSeconds: HOUR,
  observe,
  apply,
  undo,
});
