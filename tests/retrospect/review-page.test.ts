import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PlanSection } from "../../config/plan.ts";
import { judgeCriteria } from "../../retrospect/criteria.ts";
import { incidentsOf } from "../../retrospect/incidents.ts";
import { planAgainstActual } from "../../retrospect/schedule.ts";
import { type ReviewPageResult, type ReviewPageSpec, reviewPage } from "../../steps/review-page.ts";
import { applyStep, undoStep } from "../../steps/run-step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { runArchive, untar } from "../archive/archive-fixture.ts";
import { RolledOut } from "../archive/rolled-out.ts";
import { eventful } from "./eventful.ts";

const plan = PlanSection.parse({ startsOn: "2025-02-03" });

function specOf(stack: RolledOut, changed: Partial<ReviewPageSpec> = {}): ReviewPageSpec {
  return {
    ...stack.spec("validation", "review-page"),
    ...{
      subject: "public.deals.deal_type",
      environment: "staging",
      plan,
      folder: stack.reports,
      after: ["regression"],
    },
    ...changed,
  };
}

const contextOf = (stack: RolledOut) => ({
  ...{ chain: stack.chain, deps: stack.deps(), target: new TargetGuard("test", undefined) },
  findStep: async () => reviewPage,
});

const write = async (stack: RolledOut, generation = 1) =>
  (await applyStep(reviewPage, specOf(stack, { generation }), contextOf(stack))) as ReviewPageResult;

const pageOf = (stack: RolledOut, name = "review.md") => readFileSync(join(stack.reports, name), "utf8");

describe("review page", () => {
  it("shows plan and course, incidents, ticks and criteria, each with links that lead to the records", async () => {
    const stack = eventful();
    const result = await write(stack);
    assert.equal(result.incidents, 6);
    const text = pageOf(stack);
    for (const part of [
      "# Post-deployment review: public.deals.deal_type on test",
      "| pre-flight | week 0 (2025-02-03), 4 h | 2025-02-03 09:00:00 | 2025-02-03 11:40:10 | 30 s | 1 / 1 / 0 |",
      "| interface-rollout | week 3 (2025-02-24), 2 h | not begun |",
      "- [x] **All tests still pass after the rollout**: met. 572 of 573 passed, 1 failed as known",
      "- [ ] **The form requires a type for new deals**: open. not done: browser-checklist",
      "- [x] **Rollback tested in staging**: met. undos done on this staging: 1",
      "| Ada Lovelace | ticked for code-deployment/code-review: read it (PR 417) |",
      "30-day audit: not made yet.",
      "## What went well",
    ])
      assert.ok(text.includes(part), `${part} in\n${text}`);
    const links = [...`${text}${pageOf(stack, "review.html")}`.matchAll(/(?:\]\(|href=")([^)"]*json)/g)];
    assert.ok(links.length > 30);
    for (const [, link = ""] of links)
      assert.ok(existsSync(join(stack.reports, decodeURIComponent(link))), link);
    assert.equal(statSync(join(stack.reports, "review.html")).mode & 0o777, 0o600);
  });

  it("lets no error message break out of its cell or its tag", async () => {
    const stack = eventful();
    await write(stack);
    assert.match(pageOf(stack), /expected \\\| room, got \\<b>none\\<\/b>\./);
    const html = pageOf(stack, "review.html");
    assert.doesNotMatch(html, /<b>/);
    assert.match(html, /expected \| room, got &lt;b&gt;none&lt;\/b&gt;\./);
    assert.doesNotMatch(html, /<script|src=|@import|url\(/);
  });

  it("never writes over lessons, puts them into the page, and is made again once people wrote some", async () => {
    const stack = eventful();
    await write(stack);
    const lessons = join(stack.reports, "lessons.md");
    writeFileSync(lessons, "# Lessons learned\n\n## What went well\n\nThe <i>gate</i> held.\n");
    const { drift } = await reviewPage.observe(specOf(stack), stack.deps());
    assert.deepEqual(
      drift.map(({ observed }) => observed),
      ["written on since"],
    );
    await write(stack, 2);
    assert.match(readFileSync(lessons, "utf8"), /The <i>gate<\/i> held/);
    assert.match(pageOf(stack), /### What went well\n\nThe <i>gate/);
    assert.match(pageOf(stack, "review.html"), /The &lt;i&gt;gate/);
    assert.deepEqual((await reviewPage.observe(specOf(stack), stack.deps())).drift, []);
  });

  it("keeps a page that somebody edited under another name", async () => {
    const stack = eventful();
    await write(stack);
    for (const turn of [1, 2]) {
      writeFileSync(join(stack.reports, "review.md"), `${pageOf(stack)}\nMine, ${turn}.\n`);
      await write(stack, turn + 1);
      assert.match(pageOf(stack, `review.edited-${turn}.md`), new RegExp(`Mine, ${turn}\\.`));
      assert.doesNotMatch(pageOf(stack), /Mine/);
    }
  });

  it("leads to the records in the archive as well, where they lie elsewhere", async () => {
    const stack = eventful();
    await write(stack);
    const folder = await untar((await runArchive(stack)).path);
    const [root = ""] = readdirSync(folder).filter((name) => name !== "archive.tar");
    for (const name of ["review.md", "review.html"]) {
      const page = join(folder, root, "reports", name);
      const links = [...readFileSync(page, "utf8").matchAll(/(?:\]\(|href=")([^)"]*json)/g)];
      assert.ok(links.length > 15, name);
      for (const [, link = ""] of links) assert.ok(existsSync(join(dirname(page), link)), link);
    }
  });

  it("takes the page of an attempt that was undone for its own: the next attempt writes over it", async () => {
    const stack = eventful();
    await write(stack);
    const first = pageOf(stack);
    await undoStep(specOf(stack), contextOf(stack));
    stack.run("database-migration", "constraint", { generation: 3 });
    await write(stack);
    assert.notEqual(pageOf(stack), first);
    assert.deepEqual(readdirSync(stack.reports).sort(), ["lessons.md", "review.html", "review.md"]);
  });

  it("killed after it wrote, it takes its own page for nobody's, and writes the same", async () => {
    const stack = eventful();
    await reviewPage.apply(specOf(stack), stack.deps());
    const before = pageOf(stack);
    stack.run("validation", "review-page", { outcome: null, spec: specOf(stack) });
    await write(stack);
    assert.equal(pageOf(stack), before);
    assert.deepEqual(readdirSync(stack.reports).sort(), ["lessons.md", "review.html", "review.md"]);
  });

  it("is out of date when a step that it tells of was done since; its undo keeps all of it", async () => {
    const stack = eventful();
    await write(stack);
    stack.run("database-migration", "constraint", { generation: 3 });
    const { drift } = await reviewPage.observe(specOf(stack), stack.deps());
    assert.deepEqual(
      drift.map(({ observed }) => observed),
      ["database-migration/constraint done since"],
    );
    const { kept } = await undoStep(specOf(stack), contextOf(stack));
    assert.equal(kept.length, 3);
    assert.equal(readdirSync(stack.reports).length, 3);
  });
});

describe("what the evidence says of a rollout", () => {
  it("are its incidents in their order: failed, killed, recovered, done again, flag switched, rolled back", () => {
    assert.deepEqual(
      incidentsOf(eventful().chain.records).map(({ kind }) => kind),
      ["failed", "killed", "recovered", "done again", "flag switched", "rolled back"],
    );
  });

  const statuses = (stack: RolledOut, environment: string) =>
    judgeCriteria(stack.chain.records, environment).map(({ status }) => status);

  it("tells a phase that was taken back once, and no step of the next attempt as done again", () => {
    const stack = new RolledOut();
    const steps = ["guard", "release", "soak"];
    for (const step of steps) stack.run("interface-rollout", step);
    for (const step of steps.toReversed()) stack.run("interface-rollout", step, { verb: "undo" });
    for (const step of steps) stack.run("interface-rollout", step, { generation: 2 });
    stack.run("interface-rollout", "release", { generation: 3 });
    assert.deepEqual(
      incidentsOf(stack.chain.records).map(({ kind, what, records }) => [kind, what, records.length]),
      [
        ["rolled back", "3 steps of interface-rollout undone, soak to guard", 2],
        ["done again", "apply of interface-rollout/release, generation 3", 2],
      ],
    );
  });

  it("leaves every criterion open that it has nothing of, incidents apart", () => {
    assert.deepEqual(statuses(new RolledOut(), "staging"), [
      ...["open", "open", "open", "open", "open", "met", "open", "open"],
    ]);
  });

  it("meets each by the step that shows it, and never that of staging in production", () => {
    const stack = new RolledOut();
    stack.run("validation", "test-suite", { result: { passed: 3, ran: 3 } });
    for (const kind of ["regression", "constraint", "shadow-comparison", "smoke-test", "browser-checklist"])
      stack.run("validation", kind);
    stack.run("interface-rollout", "documentation-check");
    stack.run("interface-rollout", "announcement");
    assert.deepEqual(statuses(stack, "production"), [...Array<string>(7).fill("met"), "open"]);
    stack.run("interface-rollout", "announcement", { verb: "undo" });
    assert.deepEqual(statuses(stack, "staging").slice(5), ["open", "not met", "met"]);
  });

  it("lies beside the plan, phase by phase, with dates where the plan has one", () => {
    const [first, , , , last] = planAgainstActual(plan, []);
    assert.deepEqual(
      [first?.plannedOn, last?.plannedOn, last?.plannedHours],
      ["2025-02-03", "2025-03-03", 3],
    );
    assert.equal(planAgainstActual(PlanSection.parse({}), [])[0]?.plannedOn, undefined);
  });
});
