import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SMTPServerOptions } from "smtp-server";
import { recipientKey } from "../../mail/journal.ts";
import { type Behaviour, MailServer, parseMail, type Received, selfSigned } from "../mail-server.ts";
import { AnnouncementTarget, CANARY, fileWith, READERS } from "./announcement-fixture.ts";

const [RUTH, BOB, CY] = READERS as [string, string, string];
const servers: MailServer[] = [];

async function serve(behaviour?: Behaviour, options?: SMTPServerOptions): Promise<MailServer> {
  const server = await new MailServer(behaviour, options).start();
  servers.push(server);
  return server;
}

const idOf = ({ raw }: Received) => /^Message-ID: (.*)$/m.exec(raw)?.[1];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe("announcement by SMTP", () => {
  it("sends each recipient a message of its own, once: not on a re-run, a repair, a rotation, another template", async () => {
    const server = await serve({ login: { user: "rollout", password: CANARY } });
    const target = new AnnouncementTarget(server.smtp({ user: "rollout" }));
    const first = await target.announce();
    assert.deepEqual(server.to(), READERS);
    for (const { to, raw } of server.received) {
      const mail = await parseMail(raw);
      assert.deepEqual(
        mail.to?.map(({ address }) => address),
        [to],
      );
      assert.match(mail.text ?? "", /Nothing right now/);
      assert.match(mail.html ?? "", /<h2>What is new<\/h2>/);
    }
    assert.equal(new Set(server.received.map(idOf)).size, 3);
    const changed = target.spec({ template: fileWith("Subject: other\n\nother") }, { generation: 2 });
    target.deps.mail = { password: "rotated", addresses: { notice: [], announcement: ["new@example.com"] } };
    for (const spec of [target.spec(), { ...target.spec(), generation: 2 }, changed])
      assert.deepEqual(await target.announce(spec), first);
    assert.deepEqual(server.to(), READERS);
    assert.equal(first.sent, 3);
  });

  it("keeps addresses and password out of records, artifacts and output; the journal is for its owner alone", async () => {
    const server = await serve({
      login: { user: "rollout", password: CANARY },
      rcpt: (to) => (to === BOB ? `550 5.1.1 <${BOB}> has left, says ${CANARY}` : undefined),
    });
    const target = new AnnouncementTarget(server.smtp({ user: "rollout" }));
    const { journal = "", missed } = await target.announce();
    const { plan } = await target.look();
    const seen = `${target.visible()}${plan.join("\n")}${JSON.stringify(target.spec())}`;
    for (const hidden of [...READERS, CANARY]) assert.ok(!seen.includes(hidden), hidden);
    assert.deepEqual(missed, [
      { recipient: recipientKey(BOB), outcome: "refused", reply: "550 5.1.1 <recipient> has left, says ***" },
    ]);
    const file = join(target.chain.folder, journal);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, "utf8"), /bob@example\.com/);
    assert.ok(!readFileSync(file, "utf8").includes(CANARY));
  });

  it("names nobody whom a reply names in its own way", async () => {
    const [mailbox = ""] = BOB.split("@");
    const said = `550 ${BOB.toUpperCase()}: no mailbox "${mailbox}", forwarded to <b.private@example.net>`;
    const server = await serve({ rcpt: (to) => (to === BOB ? said : undefined) });
    const target = new AnnouncementTarget(server.smtp());
    const { missed } = await target.announce();
    assert.equal(missed[0]?.reply, '550 recipient: no mailbox "recipient", forwarded to <recipient>');
  });

  it("lists a refused recipient and goes on with the others; the refused one is not tried again", async () => {
    const server = await serve({ rcpt: (to) => (to === RUTH ? "550 no such user" : undefined) });
    const target = new AnnouncementTarget(server.smtp());
    const { sent, refused, unfinished } = await target.announce();
    assert.deepEqual([sent, refused, unfinished], [2, 1, undefined]);
    assert.deepEqual(server.to(), [BOB, CY]);
    assert.equal(server.asked.filter((to) => to === RUTH).length, 1);
  });

  it("tries those again whom the server puts off, a bounded number of times, and once more at the next up", async () => {
    let puts = 2;
    const server = await serve({ rcpt: (to) => (to === BOB && puts-- > 0 ? "451 try later" : undefined) });
    const greylisted = new AnnouncementTarget(server.smtp());
    assert.equal((await greylisted.announce()).sent, 3);
    assert.deepEqual(server.to(), [RUTH, CY, BOB]);

    puts = 1_000;
    const stubborn = new AnnouncementTarget(server.smtp({ retries: 2 }));
    const { sent, deferred, unfinished } = await stubborn.announce();
    assert.deepEqual(
      [sent, deferred, unfinished],
      [2, 1, ["go on with 1 recipient put off by the mail server"]],
    );
    assert.equal(1_000 - puts, 3);
    puts = 0;
    stubborn.deps.mail = { addresses: { notice: [], announcement: [...READERS, "new@example.com"] } };
    const later = await stubborn.announce({ ...stubborn.spec(), generation: 2 });
    assert.deepEqual([later.sent, later.deferred, later.unfinished], [3, 0, undefined]);
    assert.equal(server.to().includes("new@example.com"), false);
    assert.equal(server.to().filter((to) => to === RUTH).length, 2, "once by each of the two rollouts");
  });

  it("sends nobody again whose connection dropped after DATA: unknown, listed, the others go on", async () => {
    const server = await serve({ data: ({ to }) => (to === BOB ? "drop" : undefined) });
    const target = new AnnouncementTarget(server.smtp());
    const { sent, unknown, missed } = await target.announce();
    assert.deepEqual([sent, unknown], [2, 1]);
    assert.deepEqual([missed[0]?.recipient, missed[0]?.outcome], [recipientKey(BOB), "unknown"]);
    await target.announce({ ...target.spec(), generation: 2 });
    assert.deepEqual(server.to(), READERS);
  });

  it("with onUnknown resend, sends it again with the same Message-ID", async () => {
    let drops = 1;
    const server = await serve({ data: ({ to }) => (to === BOB && drops-- > 0 ? "drop" : undefined) });
    const target = new AnnouncementTarget(server.smtp({ onUnknown: "resend" }));
    assert.equal((await target.announce()).sent, 3);
    const [one, other] = server.received.filter(({ to }) => to === BOB);
    assert.ok(one && other);
    assert.equal(idOf(one), idOf(other));
  });

  it("stops at a server that drops every connection after DATA, and goes on with the rest when it is mended", async () => {
    const many = Array.from({ length: 10 }, (_, at) => `reader${at}@example.com`);
    const server = await serve({ data: () => "drop" });
    const target = new AnnouncementTarget(server.smtp(), many);
    await assert.rejects(
      target.announce(),
      /announcement: expected 127\.0\.0\.1:\d+ to keep the connection, got 3/,
    );
    assert.equal(server.received.length, 3);
    server.behaviour = {};
    const { sent, unknown } = await target.announce();
    assert.deepEqual([sent, unknown], [7, 3]);
    assert.deepEqual(server.to(), many);
  });

  it("takes an answer that is slow, and one that never comes for unknown", async () => {
    const server = await serve({
      data: ({ to }) => sleep(to === BOB ? 3_000 : 300, undefined),
    });
    const target = new AnnouncementTarget(server.smtp({ timeoutSeconds: 1 }));
    const { sent, unknown } = await target.announce();
    assert.deepEqual([sent, unknown], [2, 1]);
  });

  it("fails when nobody at all is reached, and starts afresh once the reason is gone", async () => {
    const server = await serve({ rcpt: () => "554 relay access denied" });
    const target = new AnnouncementTarget(server.smtp());
    await assert.rejects(
      target.announce(),
      /expected the mail server to take the mail for at least one of 3 recipients, got refused: 554 relay access denied/,
    );
    server.behaviour = {};
    const corrected = target.spec({ template: fileWith("Subject: corrected\n\ntext") });
    assert.deepEqual([(await target.announce(corrected)).subject, server.to()], ["corrected", READERS]);
  });
});

describe("the mail server's login and encryption", () => {
  it("are tried in the preview: a refused login is a blocker that holds no secret, though the server repeats it", async () => {
    const server = await serve({ login: { user: "rollout", password: "another" } });
    const target = new AnnouncementTarget(server.smtp({ user: "rollout" }));
    const { blockers } = await target.look();
    assert.match(
      blockers.join("\n"),
      /^announcement: expected 127\.0\.0\.1:\d+ to let rollout in, got: 535 bad login rollout \*\*\*\. Correct smtp\.user, or set the password: pulumi config set --secret smtpPassword$/,
    );
    await assert.rejects(target.announce(), /not started/);
    assert.ok(!target.visible().includes(CANARY));
    assert.deepEqual(server.asked, [], "a look sends nothing");
  });

  it("refuse a self-signed certificate, unless it is configured", async () => {
    const { key, cert, ca } = selfSigned();
    for (const [security, secure] of [
      ["starttls", false],
      ["tls", true],
    ] as const) {
      const server = await serve({ login: { user: "rollout", password: CANARY } }, { key, cert, secure });
      const target = new AnnouncementTarget(server.smtp({ security, user: "rollout" }));
      await assert.rejects(
        target.announce(),
        /expected a certificate of 127\.0\.0\.1:\d+ that this machine trusts, got: .*self-signed certificate.* Name its authority's PEM file in smtp\.ca/,
      );
      target.smtp = server.smtp({ security, user: "rollout", ca });
      assert.equal((await target.announce()).sent, 3, security);
    }
  });

  it("refuse a server that offers no STARTTLS, before the password is told", async () => {
    const server = await serve({ login: { user: "rollout", password: CANARY } });
    const target = new AnnouncementTarget(server.smtp({ security: "starttls", user: "rollout" }));
    const { blockers } = await target.look();
    assert.match(blockers.join("\n"), /expected 127\.0\.0\.1:\d+ to offer STARTTLS, got: /);
  });

  it("name a server that is not there", async () => {
    const server = await serve();
    const smtp = server.smtp();
    await server.stop();
    const { blockers } = await new AnnouncementTarget(smtp).look();
    assert.match(blockers.join("\n"), /expected an answer from the mail server 127\.0\.0\.1:\d+, got: /);
  });
});
