import { deepEqual, doesNotMatch, equal, match, rejects } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { confirmStack } from "../../cli/closing/confirm.ts";
import { finishStack } from "../../cli/closing/finish-stack.ts";
import { finishedOf } from "../../ledger/finished.ts";
import { takeLock } from "../../ledger/lock.ts";
import { snapshotRows, snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { ClosingStage } from "./closing-fixture.ts";

const AUDITED = { withoutAudit: false, reason: "" };

describe("rollout finish", function () {
  this.timeout(120_000);
  let stage: ClosingStage;
  beforeEach(async () => {
    stage = await ClosingStage.make();
  });
  afterEach(() => stage.dispose());

  const audit = (green: boolean, early = false) => {
    const note = green ? "7 green" : "6 green, 1 red";
    return stage.chain().append({ record: "event", event: "audit", green, early, points: [], note });
  };
  const finish = (wish = AUDITED) => finishStack(stage.closing(), wish);
  const releasesOf = ({ appDir }: { appDir: string }) => readdirSync(join(appDir, "releases"));
  const ownTables = async () => {
    const rows = await snapshotRows(stage.target.admin);
    return Object.fromEntries(Object.entries(rows).filter(([name]) => !name.startsWith("rollout.")));
  };
  const traces = async () => {
    const { rows } = await stage.target.admin.query(
      `SELECT nspname AS name FROM pg_namespace WHERE nspname = 'rollout'
       UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE '%rollout%'
       UNION ALL SELECT rolname FROM pg_roles WHERE rolname =
         'rollout_journal_' || (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return rows.map(({ name }) => name);
  };

  it("drops journal, tracker, role and old releases, and leaves data, constraint and the current release", async () => {
    await stage.forward();
    audit(true);
    const rows = await ownTables();
    const done = await finish();
    deepEqual(await traces(), []);
    deepEqual(await ownTables(), rows);
    for (const host of stage.hosts) deepEqual(releasesOf(host), [stage.repository.shas[1]]);
    await rejects(stage.target.admin.query("INSERT INTO deals (name) VALUES ('old')"), { code: "23502" });
    match(
      done.join("\n"),
      /^database: triggers, schema rollout and its role dropped; journal exported to artifacts/,
    );
    match(done.join("\n"), /host-b: 2 old releases removed/);
    const finished = finishedOf(stage.entries());
    match(finished?.reason ?? "", /^green audit of \d{4}-/);
  });

  it("names each machine that the audit's timer stays on, and what takes it off: before the question, after, and when run again", async () => {
    await stage.forward();
    stage.scheduleAudit();
    const timer =
      /^the audit's timer stays on laptop\. To take it off there: sudo systemctl disable --now audit\.timer; .*\n.* on bastion\. /m;
    const wish = { withoutAudit: true, reason: "test" };
    match((await finish(wish)).join("\n"), timer);
    match(stage.printed.join("\n"), timer);
    match((await finish(wish)).join("\n"), timer);
  });

  it("shows first what goes and what can not be undone any more, and changes nothing without the stack's name", async () => {
    await stage.forward();
    audit(true);
    const before = [
      await snapshotSchema(stage.target.admin),
      stage.listHosts(),
      stage.chain().records.length,
    ];
    stage.confirm = async () => {
      throw new Error("no");
    };
    await rejects(finish(), /^Error: no$/);
    deepEqual(
      [await snapshotSchema(stage.target.admin), stage.listHosts(), stage.chain().records.length],
      before,
    );
    const said = stage.printed.join("\n");
    match(
      said,
      /drops the 5 triggers of the rollout on deals .*, schema rollout with journal and tracker, and role rollout_journal_/,
    );
    match(said, /gone for good: the way back to 15 original values of deals.deal_type/);
    match(said, /host-a: removes \w{12}, \w{12}; \w{12} stays, which is current/);
    match(said, /from then on nothing is undone: `destroy`/);
  });

  it("makes every undo leave everything as it is, and say so, without the database and without a lease", async () => {
    await stage.forward();
    audit(true);
    await finish();
    const before = [await snapshotSchema(stage.target.admin), await ownTables(), stage.listHosts()];
    for (const said of await stage.destroy()) match(said, /^finished on \S+Z by .*: the data stays/);
    deepEqual([await snapshotSchema(stage.target.admin), await ownTables(), stage.listHosts()], before);
    equal(finishedOf(stage.entries()), undefined);
    match((await stage.destroy()).join(), /nothing to undo/);
  });

  it("runs no step again, whatever it would see: a rotated secret repeats the apply", async () => {
    await stage.forward();
    audit(true);
    await finish();
    const schema = await snapshotSchema(stage.target.admin);
    for (const planned of stage.plan) await stage.apply(planned);
    deepEqual(await snapshotSchema(stage.target.admin), schema);
    match(stage.logged.join("\n"), /expand: finished on/);
  });

  for (const [what, prepare, said] of [
    [
      "a phase is missing",
      () => stage.forward("interface-rollout"),
      /expected phase 4 \(validation\) to be done, got phase 3 .* done/,
    ],
    ["nothing is done", async () => {}, /got no phase done/],
    [
      "there was no audit",
      () => stage.forward(),
      /expected a green audit after phase 4 \(validation\), got none/,
    ],
    [
      "the newest audit is red",
      async () => {
        await stage.forward();
        audit(true);
        audit(false);
      },
      /got one of \d{4}\S* with 6 green, 1 red\./,
    ],
    [
      "the audit was made before its days were over",
      async () => {
        await stage.forward();
        audit(true, true);
      },
      /got one of \d{4}\S*, too early \(audit\.afterDays\)\./,
    ],
    [
      "the audit is of an earlier attempt",
      async () => {
        await stage.forward();
        audit(true);
        await stage.destroy();
        await stage.forward();
      },
      /expected a green audit .*, got none/,
    ],
    [
      "reality differs",
      async () => {
        await stage.forward();
        audit(true);
        stage.differences = ["validation/x: expected a, got b. `up` repairs it."];
      },
      /expected a, got b/,
    ],
  ] as const) {
    it(`refuses while ${what}`, async () => {
      await prepare();
      const before = await snapshotSchema(stage.target.admin);
      await rejects(finish(), said);
      deepEqual(await snapshotSchema(stage.target.admin), before);
      equal(finishedOf(stage.entries()), undefined);
    });
  }

  it("goes without an audit for a reason, which the evidence keeps", async () => {
    await stage.forward();
    await rejects(finish({ withoutAudit: true, reason: "" }), /expected a reason to finish without an audit/);
    await finish({ withoutAudit: true, reason: "pilot" });
    equal(finishedOf(stage.entries())?.reason, "without audit: pilot");
  });

  it("refuses beside another run, naming it", async () => {
    await stage.forward();
    audit(true);
    const release = takeLock(stage.folder, "apply contract");
    await rejects(finish(), /got `apply contract`/);
    release();
  });

  it("refuses with every name while the database or a host cannot be reached, and changes nothing", async () => {
    await stage.forward();
    audit(true);
    const hosts = stage.specHosts.map((host) =>
      host.name === "host-b" ? { ...host, appDir: "/nowhere" } : host,
    );
    const closing = stage.closing({ hosts, databaseUrl: "postgres://u:canary@127.0.0.1:1/d" });
    await rejects(finishStack(closing, AUDITED), (error: Error) => {
      match(error.message, /nothing was changed/);
      match(
        error.message,
        /could not look at the database: [\s\S]*could not look at host-b: expected the folder \/nowhere/,
      );
      doesNotMatch(error.message, /canary/);
      return true;
    });
    equal(finishedOf(stage.entries()), undefined);
  });

  it("goes on where it was stopped between its record and the first drop; no undo comes in between", async () => {
    await stage.forward();
    audit(true);
    const closing = stage.closing();
    const config = { ...closing.config };
    const confirm = async () => {
      config.databaseUrl = "postgres://u:canary@127.0.0.1:1/d";
    };
    await rejects(finishStack({ ...closing, config, confirm }, AUDITED), (error: Error) => {
      match(
        error.message,
        /expected nothing to be left, got 1 that are:\n {2}- database: [\s\S]*done: host-a: 2 old/,
      );
      match(error.message, /Mend it, then run again: npx rollout finish --stack test$/);
      return !error.message.includes("canary");
    });
    const rows = await ownTables();
    match((await stage.destroy()).join(), /^finished on \S+/);
    deepEqual(await ownTables(), rows);
  });

  it("drops on its next run what was left", async () => {
    await stage.forward();
    audit(true);
    stage.chain().append({ record: "event", event: "finished", reason: "killed here", note: "" });
    match((await finish()).join(), /schema rollout and its role dropped/);
    deepEqual(await traces(), []);
    equal(finishedOf(stage.entries())?.reason, "killed here");
  });

  it("has nothing to do when it is run twice, and says when it was done", async () => {
    await stage.forward();
    audit(true);
    await finish();
    const records = stage.chain().records.length;
    match((await finish()).join(), /^finished on \S+ by .* \(green audit of .*\): nothing is left to drop$/);
    equal(stage.chain().records.length, records);
  });
});

describe("the question before it", () => {
  const ask = async (typed: string, { isTTY = true, yes = false } = {}) => {
    const input = Object.assign(new PassThrough(), { isTTY });
    input.end(typed);
    return confirmStack({ verb: "finish", stack: "production", yes, input, output: new PassThrough() });
  };

  it("takes the stack's name and nothing else", async () => {
    await ask("production\n");
    for (const typed of ["y\n", "yes\n", "staging\n", "\n", ""])
      await rejects(
        ask(typed),
        /finish: expected the stack's name production, got ".*"; nothing was changed/,
      );
  });

  it("is answered by --yes, and refused where nobody can be asked", async () => {
    await ask("", { yes: true });
    await rejects(ask("production\n", { isTTY: false }), /expected a terminal to ask at, got none/);
  });
});
