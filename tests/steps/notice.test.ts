import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { notice } from "../../steps/notice.ts";
import { applyStep } from "../../steps/run-step.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { Announcer } from "./notice-fixture.ts";
import { DEALS, runSql } from "./preflight-deps.ts";

let url = "";

const announcerTo = (...to: string[]) => new Announcer(url, to);

function template(content: string): string {
  const path = join(temporaryFolder(), "template.md");
  writeFileSync(path, content);
  return path;
}

describe("maintenance notice", () => {
  before(async () => {
    url = await createDatabase();
    await runSql(url, ...DEALS);
  });

  it("says in the preview what it will announce, and writes nothing then", async () => {
    const announcer = announcerTo();
    const { plan } = await notice.observe(announcer.spec(), announcer.deps);
    assert.deepEqual(plan, [
      "announce, once: Scheduled maintenance - IT DD Agent - Tuesday, November 24, 2026 01:58-01:59 UTC",
      `to undisclosed recipients, into ${announcer.outbox}; impact none expected: the application keeps running; ` +
        "about 1 minute (estimated from 1,000 rows, not rehearsed)",
    ]);
    assert.deepEqual(announcer.sent(), []);
  });

  it("writes a message with UTC and local time, impact and estimate, readable by its owner alone", async () => {
    const announcer = announcerTo("a@example.com", "b@example.com");
    const { file = "", artifact } = await announcer.announce();
    assert.deepEqual(announcer.sent(), ["2026-11-24-maintenance-notice.eml"]);
    const text = announcer.text("2026-11-24-maintenance-notice.eml");
    for (const line of [
      "From: IT DD Team <rollout@example.com>",
      "To: a@example.com, b@example.com",
      "Time: 01:58-01:59 UTC",
      "Local time: Tue 2026-11-24 02:58-02:59 +01:00 Europe/Berlin",
      "Expected duration: about 1 minute (estimated from 1,000 rows, not rehearsed)",
      "Expected downtime: none",
      "Impact: none expected: the application keeps running",
      "- The application stays available; nobody has to stop working.",
    ])
      assert.ok(text.includes(`${line}\r\n`), `${line} in\n${text}`);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const copy = announcer.deps.readArtifact(artifact);
    assert.match(copy, /^To: "undisclosed-recipients":;\r\n/m);
    assert.ok(copy.includes("Time: 01:58-01:59 UTC\r\n"));
    assert.doesNotMatch(copy + JSON.stringify(announcer.chain.records), /\b[ab]@example/);
  });

  it("takes the time that the rehearsal of this phase measured", async () => {
    const announcer = announcerTo();
    const fields = {
      phase: "database-migration",
      step: "rehearsal",
      kind: "rehearsal",
      verb: "apply" as const,
    };
    const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
    announcer.chain.append({ record: "begin", ...fields, ...begin });
    const result = { estimateSeconds: 3700 };
    announcer.chain.append({ record: "end", ...fields, begin: 1, outcome: "done", result });
    await announcer.announce();
    assert.match(
      announcer.text("2026-11-24-maintenance-notice.eml"),
      /Time: 01:58-03:00 UTC\r\n[\s\S]*about 62 minutes \(measured in the rehearsal\)/,
    );
  });

  it("announces the downtime of a maintenance: the rehearsed migration, and at most how long its stops take", async () => {
    const announcer = announcerTo();
    const fields = {
      phase: "database-migration",
      step: "rehearsal",
      kind: "rehearsal",
      verb: "apply" as const,
    };
    const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
    announcer.chain.append({ record: "begin", ...fields, ...begin });
    const part = (step: string, seconds: number) => ({ step, verb: "apply", round: 1, seconds });
    const result = { estimateSeconds: 900, scale: 2, parts: [part("expand", 390), part("migration", 60)] };
    announcer.chain.append({ record: "end", ...fields, begin: 1, outcome: "done", result });
    const { downtimeSeconds } = await announcer.announce(announcer.spec({}, { stopSeconds: 60 }));
    assert.equal(downtimeSeconds, 240);
    const text = announcer.text("2026-11-24-maintenance-notice.eml");
    for (const line of [
      "Expected duration: about 17 minutes (measured in the rehearsal, and up to 60 s each to stop and to start)",
      "Expected downtime: about 4 minutes at the most, stopping and starting included",
      "Impact: the application is unavailable for about 4 minutes",
      "- The application is unavailable meanwhile; what is under way may be interrupted and has to be resumed.",
    ])
      assert.ok(text.includes(`${line}\r\n`), `${line} in\n${text}`);
    assert.doesNotMatch(text, /keeps running|stays available/);
  });

  it("announces once in an attempt: not again on re-run, repair, or with another config", async () => {
    const announcer = announcerTo();
    const first = await announcer.announce();
    assert.deepEqual(await announcer.announce(), first);
    assert.deepEqual(await announcer.announce({ ...announcer.spec(), generation: 2 }), first);
    const moved = announcer.spec({ application: "Other", template: "gone.txt" }, { timeZone: "UTC" });
    assert.deepEqual(await announcer.announce(moved), first);
    assert.equal(announcer.sent().length, 1);
    assert.deepEqual((await notice.observe(moved, announcer.deps)).plan, []);
  });

  it("announces once also when the run broke off after writing it", async () => {
    const announcer = announcerTo();
    const broken = { ...announcer.deps, saveArtifact: () => Promise.reject(new Error("disk full")) };
    const spec = announcer.spec();
    await assert.rejects(applyStep(notice, spec, { ...announcer.context, deps: broken }), /disk full/);
    assert.equal(announcer.sent().length, 1);
    await announcer.announce();
    assert.equal(announcer.sent().length, 1);
  });

  it("announces again in a new attempt, beside the old message, which the undo kept and named", async () => {
    const announcer = announcerTo();
    const { file } = await announcer.announce();
    const { kept } = await announcer.undo();
    assert.deepEqual(kept, [
      {
        subject: file,
        reason: "what has gone out can't be taken back: tell its readers that the change was",
      },
    ]);
    await announcer.announce();
    assert.deepEqual(announcer.sent(), [
      "2026-11-24-maintenance-notice-2.eml",
      "2026-11-24-maintenance-notice.eml",
    ]);
  });

  it("encodes a name that is not ASCII", async () => {
    const announcer = announcerTo();
    await announcer.announce(announcer.spec({ application: "Über-Prüfer" }));
    const text = announcer.text("2026-11-24-maintenance-notice.eml");
    assert.match(text, /^Subject: =\?UTF-8\?/m);
    assert.doesNotMatch(text, /[^\p{ASCII}]/u);
  });

  const faults: [string, string, RegExp][] = [
    ["without a subject", "Hello\n\ntext", /expected a first line `Subject: …` in .*, got "Hello"/],
    ["without a text", "Subject: x\n\n", /expected a text below the subject in .*, got none/],
    [
      "with a field that there is not",
      "Subject: x\n\n{weather}",
      /expected one of the fields .*, got \{weather\}/,
    ],
  ];
  for (const [what, content, message] of faults) {
    it(`refuses a template ${what} before anything runs`, async () => {
      const announcer = announcerTo();
      const spec = announcer.spec({ template: template(content) });
      const { blockers } = await notice.observe(spec, announcer.deps);
      assert.match(blockers.join("\n"), message);
      await assert.rejects(announcer.announce(spec), message);
      assert.deepEqual(announcer.sent(), []);
    });
  }

  it("refuses a template that is not there", async () => {
    const announcer = announcerTo();
    const { blockers } = await notice.observe(announcer.spec({ template: "none.txt" }), announcer.deps);
    assert.match(
      blockers[0] ?? "",
      /expected a template in none.txt, got none that can be read\. Correct notice.template/,
    );
  });
});
