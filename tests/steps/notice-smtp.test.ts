import assert from "node:assert/strict";
import { createDatabase } from "../database.ts";
import { MailServer, parseMail } from "../mail-server.ts";
import { CANARY } from "./announcement-fixture.ts";
import { Announcer } from "./notice-fixture.ts";
import { DEALS, runSql } from "./preflight-deps.ts";

const [ADA, BOB] = ["ada@example.com", "bob@example.com"];

describe("maintenance notice by SMTP", () => {
  let url: string;
  let server: MailServer;
  before(async () => {
    url = await createDatabase();
    await runSql(url, ...DEALS);
  });
  beforeEach(async () => {
    server = await new MailServer({ login: { user: "rollout", password: CANARY } }).start();
  });
  afterEach(() => server.stop());
  const announcer = (changed = {}) =>
    new Announcer(url, [ADA, BOB], server.smtp({ user: "rollout", ...changed }));

  it("sends each receiver a message of its own, once in an attempt, and writes none to the outbox", async () => {
    const sender = announcer();
    const first = await sender.announce();
    assert.deepEqual(server.to(), [ADA, BOB]);
    const mail = await parseMail(server.received[1]?.raw ?? "");
    assert.deepEqual(
      mail.to?.map(({ address }) => address),
      [BOB],
    );
    assert.match(mail.text ?? "", /Time: 01:58-01:59 UTC/);
    assert.equal(mail.subject, first.subject);
    assert.deepEqual([first.file, first.delivery?.sent, sender.sent()], [undefined, 2, []]);
    const changed = sender.spec({ template: "gone.txt" });
    for (const spec of [sender.spec(), { ...sender.spec(), generation: 2 }, changed])
      assert.deepEqual(await sender.announce(spec), first);
    assert.equal(server.received.length, 2);
  });

  it("keeps receivers and password out of records and of the archived copy", async () => {
    const sender = announcer();
    const { artifact } = await sender.announce();
    const seen = JSON.stringify(sender.chain.records) + sender.deps.readArtifact(artifact);
    for (const hidden of [ADA, BOB, CANARY]) assert.ok(!seen.includes(hidden), hidden);
  });

  it("sends nobody a second time when the run breaks off after the first message", async () => {
    const sender = announcer();
    server.behaviour = { ...server.behaviour, rcpt: (to) => (to === BOB ? "421 shutting down" : undefined) };
    const broken = { ...sender.deps, saveArtifact: () => Promise.reject(new Error("disk full")) };
    await assert.rejects(sender.announce(sender.spec(), { ...sender.context, deps: broken }), /disk full/);
    server.behaviour = { ...server.behaviour, rcpt: () => undefined };
    const { delivery } = await sender.announce();
    assert.deepEqual([delivery?.sent, server.to()], [2, [ADA, BOB]]);
  });

  it("lists a receiver who is refused by a key, and tells the others", async () => {
    server.behaviour = { ...server.behaviour, rcpt: (to) => (to === ADA ? "550 no such user" : undefined) };
    const { delivery } = await announcer().announce();
    assert.deepEqual([delivery?.sent, delivery?.refused, delivery?.missed[0]?.outcome], [1, 1, "refused"]);
    assert.deepEqual(server.to(), [BOB]);
  });

  it("tries server and login in the preview and sends nothing then; what they refuse stops phase 1 before it begins", async () => {
    const sender = announcer();
    const { plan, blockers } = await sender.look();
    assert.match(plan[1] ?? "", /^to 2 recipients, by 127\.0\.0\.1:\d+ \(none\); impact none expected/);
    assert.deepEqual([blockers, server.received], [[], []]);
    server.behaviour = { login: { user: "rollout", password: "rotated" } };
    assert.match(
      (await sender.look()).blockers.join(),
      /^notice: expected 127\.0\.0\.1:\d+ to let rollout in/,
    );
    await assert.rejects(sender.announce(), /not started/);
    assert.deepEqual(server.asked, []);
  });

  it("says on the way back that it was sent and stays so, and sends a new attempt's anew", async () => {
    const sender = announcer();
    await sender.announce();
    const { kept } = await sender.undo();
    assert.equal(kept[0]?.subject, "the notice that was sent to 2");
    await sender.announce();
    assert.deepEqual(server.to(), [ADA, BOB, ADA, BOB]);
  });

  it("sends no more messages a second than smtp.perSecond, those that are tried again included", async () => {
    let puts = 2;
    server.behaviour = {
      ...server.behaviour,
      rcpt: (to) => (to === BOB && puts-- > 0 ? "451 try later" : undefined),
    };
    const beganAt = performance.now();
    await announcer({ perSecond: 1 }).announce();
    // Four of them are three gaps. A busy machine is slower, never faster: timers ring late, up to a millisecond early.
    assert.ok(performance.now() - beganAt >= 2_997);
    assert.deepEqual(server.asked, [ADA, BOB, BOB, BOB]);
  });
});
