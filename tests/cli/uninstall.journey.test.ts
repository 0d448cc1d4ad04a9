import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finishStack } from "../../cli/closing/finish-stack.ts";
import { uninstallStack } from "../../cli/closing/uninstall-stack.ts";
import { finishedOf } from "../../ledger/finished.ts";
import { SendJournal } from "../../mail/journal.ts";
import { snapshotDatabase, snapshotRows, snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { FindingsWriter } from "../../steps/regression/regression-report.ts";
import { ClosingStage } from "./closing-fixture.ts";

const PLAIN = { withEvidence: false, force: false, reason: "" };

describe("rollout uninstall", function () {
  this.timeout(120_000);
  let stage: ClosingStage;
  beforeEach(async () => {
    stage = await ClosingStage.make();
  });
  afterEach(() => stage.dispose());

  const uninstall = (wish = PLAIN) => uninstallStack(stage.closing(), wish);
  const everything = async () => [await snapshotDatabase(stage.target.admin), stage.listHosts()];

  it("after destroy leaves database and hosts byte for byte as they were before the rollout", async () => {
    const before = await everything();
    await stage.forward();
    await stage.destroy();
    const done = await uninstall();
    deepEqual(await everything(), before);
    match(done.join("\n"), /host-a: 2 old releases removed, and the rollout's folder/);
    match(done.join("\n"), /stays \(--with-evidence removes it\): .*evidence/);
    match(done.join("\n"), /npx rollout pulumi stack rm test --preserve-config/);
    match((await uninstall()).join("\n"), /^nothing of test is left on its target/);
    deepEqual(await everything(), before);
  });

  it("after finish leaves data, constraint and the release that runs, and nothing of its own", async () => {
    await stage.forward();
    await finishStack(stage.closing(), { withoutAudit: true, reason: "test" });
    const database = await snapshotDatabase(stage.target.admin);
    await uninstall();
    deepEqual(await snapshotDatabase(stage.target.admin), database);
    for (const { appDir } of stage.hosts) {
      deepEqual(readdirSync(join(appDir, "releases")), [stage.repository.shas[1]]);
      equal(existsSync(join(appDir, ".rollout")), false);
    }
  });

  it("names the audit's timer, which stays on its machine after finish", async () => {
    await stage.forward();
    stage.scheduleAudit();
    await finishStack(stage.closing(), { withoutAudit: true, reason: "test" });
    const done = await uninstall();
    match(done.join("\n"), /^the audit's timer stays on bastion\. .*rm -f \S+audit\.timer$/m);
  });

  it("refuses while a phase is deployed or half of one, naming it, and the ways out", async () => {
    await stage.forward("database-migration");
    const before = await everything();
    await rejects(
      uninstall(),
      /got 4 steps of pre-flight, database-migration\. Go back first: npx rollout destroy .*--force --reason/,
    );
    deepEqual(await everything(), before);
  });

  it("is forced for a reason alone, says what is gone for good, and no undo breaks the data afterwards", async () => {
    await stage.forward();
    await rejects(uninstall({ ...PLAIN, force: true }), /expected a reason to force it/);
    await uninstall({ ...PLAIN, force: true, reason: "machine is sold" });
    match(stage.printed.join("\n"), /gone for good: the way back to 15 original values of deals.deal_type/);
    match(stage.printed.join("\n"), /gone for good: what was on host-b before .*release-switch/);
    equal(finishedOf(stage.entries())?.reason, "uninstalled by force: machine is sold");
    const after = await everything();
    match((await stage.destroy()).join(), /the data stays/);
    deepEqual(await everything(), after);
  });

  it("removes evidence, reports, archives and backups only when it is told to, and nothing that lies beside them", async () => {
    await stage.forward();
    await stage.destroy();
    const own = ["reports", "archives"].map((name) => join(name, "test"));
    for (const folder of own) mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(join(stage.folder, "notes.txt"), "mine");
      writeFileSync(join(stage.folder, ".000007-guard-begin.json.4711"), "of a run that was killed");
      const to = { address: "ada@example.com", messageId: "<1@example.com>", state: "sent" } as const;
      SendJournal.open(stage.folder, "announcement").record(to, new Date());
      await (await FindingsWriter.open(stage.spec(stage.plan[0] as never), new Date())).finish();
      await uninstall();
      deepEqual(
        own.map((folder) => existsSync(folder)),
        [true, true],
      );
      await uninstall({ ...PLAIN, withEvidence: true });
      deepEqual(
        own.map((folder) => existsSync(folder)),
        [false, false],
      );
      deepEqual(readdirSync(stage.folder), ["notes.txt"]);
    } finally {
      for (const folder of own) rmSync(folder, { recursive: true, force: true });
    }
  });

  it("names a host that it cannot reach and changes nothing; by force it goes on with the others", async () => {
    await stage.forward();
    await stage.destroy();
    const hosts = stage.specHosts.map((host) =>
      host.name === "host-b" ? { ...host, appDir: "/nowhere" } : host,
    );
    const before = await everything();
    await rejects(
      uninstallStack(stage.closing({ hosts }), PLAIN),
      /could not look at host-b: expected the folder/,
    );
    deepEqual(await everything(), before);
    await uninstallStack(stage.closing({ hosts }), { ...PLAIN, force: true, reason: "host-b is gone" });
    match(stage.printed.join("\n"), /could not look at host-b: .*: what is there stays/);
    equal(existsSync(join(stage.hosts[0]?.appDir ?? "", ".rollout")), false);
    equal(existsSync(join(stage.hosts[1]?.appDir ?? "", ".rollout")), true);
  });

  it("refuses without the evidence that database and hosts have seen, and by force still removes all, with what stays named", async () => {
    await stage.forward();
    for (const name of readdirSync(stage.folder)) rmSync(join(stage.folder, name), { recursive: true });
    const before = await everything();
    await rejects(uninstall(), (error: Error) => {
      match(error.message, /- evidence: expected record \d+ .* known from the database, got 0 records/);
      match(
        error.message,
        /- expected evidence up to record \d+, which host-b has seen, got 0 records\. .*--force/,
      );
      return true;
    });
    deepEqual(await everything(), before);
    const done = (await uninstall({ ...PLAIN, force: true, reason: "disk is gone" })).join("\n");
    match(done, /journal exported to artifacts/);
    match(done, new RegExp(`stays on host-a: .*${stage.repository.shas[0]?.slice(0, 12)}`));
    equal(existsSync(join(stage.hosts[1]?.appDir ?? "", ".rollout")), false);
    match(JSON.stringify(stage.chain().records), /"uninstalled".*disk is gone/);
    match((await uninstall()).join("\n"), /^nothing of test is left on its target/);
  });

  it("leaves the rollout of another stack in the same database alone", async () => {
    await stage.forward("database-migration");
    const before = [await snapshotSchema(stage.target.admin), await snapshotRows(stage.target.admin)];
    const forced = { ...PLAIN, force: true, reason: "test" };
    const done = await uninstallStack(stage.closing({ stack: "other" }), forced);
    deepEqual([await snapshotSchema(stage.target.admin), await snapshotRows(stage.target.admin)], before);
    match(done.join("\n"), /left alone: schema rollout of stack test/);
  });
});
