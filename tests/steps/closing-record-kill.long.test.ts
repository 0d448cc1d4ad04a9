import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PlanSection } from "../../config/plan.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf, foldEntries } from "../../ledger/entries.ts";
import { archive } from "../../steps/archive.ts";
import { reviewPage } from "../../steps/review-page.ts";
import { applyStep, undoStep } from "../../steps/run-step.ts";
import { scheduledAudit } from "../../steps/scheduled-audit.ts";
import type { BaseSpec, Step } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { archiveSpec } from "../archive/archive-fixture.ts";
import { type RolledOut, rolledOut } from "../archive/rolled-out.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { dyingBeforeName } from "./file-crash.ts";

/** A small file in the making (system/durable-file.ts): hidden, read by nobody. */
const DRAFT = /\/\.[^/]+\.\d+$/;

const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

interface Case {
  step: Step;
  spec(stack: RolledOut): BaseSpec;
  /** What its undo leaves on purpose. */
  keeps: boolean;
}

const CASES: Case[] = [
  {
    step: scheduledAudit,
    spec: (stack) => ({
      ...stack.spec("validation", "scheduled-audit"),
      ...{ schedule: { afterDays: 30, at: "06:00" }, place: "files", folder: join(stack.reports, "audit") },
    }),
    keeps: false,
  },
  {
    step: reviewPage,
    spec: (stack) => ({
      ...stack.spec("validation", "review-page"),
      ...{ subject: "public.deals.deal_type", environment: "staging", folder: stack.reports, after: [] },
      plan: PlanSection.parse({}),
    }),
    keeps: true,
  },
  { step: archive, spec: archiveSpec, keeps: true },
];

describe("the steps that close the record, killed before any file gets its name", function () {
  this.timeout(60_000);
  let stack: RolledOut;
  const asItWas = temporaryFolder("rolled-out");

  before(() => {
    stack = rolledOut(3);
    cpSync(stack.root, asItWas, { recursive: true });
  });
  const startOver = () => {
    rmSync(stack.root, { recursive: true });
    cpSync(asItWas, stack.root, { recursive: true });
  };

  /** SHA-256 by path of all that lies outside of the evidence, drafts left out. */
  function files(): Record<string, string> {
    const folders = [stack.reports, stack.archives].filter((folder) => existsSync(folder));
    const found = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    );
    const read = found.filter((file) => !DRAFT.test(file)).sort();
    return Object.fromEntries(read.map((file) => [file, sha256(file)]));
  }

  /** One process: it knows nothing but what is on the disk. */
  async function run(verb: "apply" | "undo", { step, spec }: Case): Promise<void> {
    const chain = Chain.open(stack.evidence);
    const context = {
      ...{ chain, target: new TargetGuard("test", undefined), findStep: async () => step },
      deps: stack.deps({ evidence: evidenceOf(chain.records) }),
    };
    await (verb === "apply" ? applyStep(step, spec(stack), context) : undoStep(spec(stack), context));
  }

  const stateOf = ({ step }: Case) =>
    foldEntries(Chain.open(stack.evidence).records).get(`validation/${step.name}`)?.state;

  for (const each of CASES) {
    const { step, keeps } = each;
    it(`${step.name} is finished by the next run to the same bytes, or undone without a trace but what is kept`, async () => {
      startOver();
      const start = files();
      await run("apply", each);
      const end = files();
      for (let count = 1, died = true; died; count += 1) {
        const where = `killed before name ${count}`;
        startOver();
        died = await dyingBeforeName(count, () => run("apply", each));
        const done = stateOf(each) === "done";
        if (done) assert.deepEqual(files(), end, where);
        const atDeath = files();
        await run("undo", each);
        const left = Object.entries(files()).filter(([file]) => !(file in start));
        const whole = left.filter(([file, content]) => end[file] === content);
        assert.deepEqual(left, keeps ? whole : [], `${where}, then undone`);
        startOver();
        await dyingBeforeName(count, () => run("apply", each));
        assert.deepEqual(Object.keys(files()), Object.keys(atDeath), where);
        await run("apply", each);
        assert.deepEqual(files(), end, `${where}, then run again`);
        assert.equal(stateOf(each), "done", where);
        assert.ok(died || count > 4, `${where}: it names no file`);
      }
    });
  }
});
