import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { needsSmtpUtf8, onTheLine } from "../../mail/address.ts";
import { sortEntries } from "../../mail/recipients.ts";
import { complaintOf } from "../../mail/smtp-reply.ts";
import { announcement } from "../../steps/announcement.ts";
import { createDatabase } from "../database.ts";
import { MailServer } from "../mail-server.ts";
import { AnnouncementTarget, READERS } from "./announcement-fixture.ts";
import { Announcer } from "./notice-fixture.ts";
import { DEALS, runSql } from "./preflight-deps.ts";

const closers: (() => Promise<unknown> | undefined)[] = [];

/** A mail server, and every byte that is sent to it. */
async function listen({ utf8, mailFrom }: { utf8: boolean; mailFrom?: string }) {
  const server = await new MailServer(
    {},
    {
      hideSMTPUTF8: !utf8,
      onMailFrom: (_, __, done) =>
        done(
          mailFrom === undefined
            ? null
            : Object.assign(new Error(mailFrom.slice(4)), { responseCode: Number(mailFrom.slice(0, 3)) }),
        ),
    },
  ).start();
  const sent: Buffer[] = [];
  const wire: Server = createServer((client) => {
    const upstream = connect(server.smtp().port, "127.0.0.1");
    client.on("data", (bytes) => sent.push(bytes));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
  closers.push(
    () => server.stop(),
    async () => wire.close(),
  );
  const { port } = wire.address() as AddressInfo;
  const said = () => Buffer.concat(sent).toString("utf8");
  return {
    server,
    smtp: server.smtp({ port }),
    said,
    commands: () => said().match(/^(?:MAIL|RCPT) .*$/gm) ?? [],
  };
}

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

describe("addresses with letters beyond ASCII", () => {
  for (const [address, line, needs] of [
    ["rollout@bücher.example", "rollout@xn--bcher-kva.example", false],
    ["rollout@BÜCHER.example", "rollout@xn--bcher-kva.example", false],
    ["rollout@bu\u0308cher.example", "rollout@xn--bcher-kva.example", false],
    ["a.b+c@例え.テスト", "a.b+c@xn--r8jz45g.xn--zckzah", false],
    ["jörg@example.com", "jörg@example.com", true],
    ["jörg@bücher.example", "jörg@xn--bcher-kva.example", true],
    ["rollout@[10.1]", "rollout@[10.1]", false],
    ["Ruth@Example.COM", "Ruth@Example.COM", false],
  ] as const)
    it(`have the form that every mail server takes, as far as there is one: ${address}`, () =>
      assert.deepEqual([onTheLine(address), needsSmtpUtf8(address)], [line, needs]));

  it("are one address in their own letters and in punycode", () =>
    assert.deepEqual(
      sortEntries(
        ["a@bücher.example", "A@xn--bcher-kva.example"].map((text, at) => ({ where: `${at}`, text })),
      ),
      { addresses: ["a@bücher.example"], duplicates: ["1"], invalid: [], beyondAscii: [] },
    ));

  for (const utf8 of [false, true])
    it(`go out with the domain as punycode, sender and recipient, to a server ${utf8 ? "with" : "without"} SMTPUTF8`, async () => {
      const { server, smtp, said, commands } = await listen({ utf8 });
      const target = new AnnouncementTarget(smtp, ["ruth@bücher.example", "bob@例え.テスト"]);
      const spec = target.spec({ from: "rollout@bücher.example" });
      assert.deepEqual((await target.look(spec)).blockers, []);
      assert.equal((await target.announce(spec)).sent, 2);
      assert.equal(server.received.length, 2);
      assert.deepEqual(
        commands().map((line) => line.trim().replace(/ SIZE=.*$/, "")),
        [
          "MAIL FROM:<rollout@xn--bcher-kva.example>",
          "RCPT TO:<ruth@xn--bcher-kva.example>",
          "MAIL FROM:<rollout@xn--bcher-kva.example>",
          "RCPT TO:<bob@xn--r8jz45g.xn--zckzah>",
        ],
      );
      assert.match(said(), /^Message-ID:\s+<rollout-[0-9a-f]+@xn--bcher-kva\.example>\r$/m);
      assert.match(said(), /^From:[\s\S]{1,40}<rollout@xn--bcher-kva\.example>\r$/m);
      assert.doesNotMatch(said(), /[^\p{ASCII}]/u);
    });

  it("before the @ stop the preview at a server without SMTPUTF8: the sender by name, recipients by their places", async () => {
    const { smtp, commands } = await listen({ utf8: false });
    const target = new AnnouncementTarget(smtp, [READERS[0] ?? "", "jörg@example.com", "zoë@bücher.example"]);
    const { blockers } = await target.look(target.spec({ from: "überblick@example.com" }));
    const where = `127.0.0.1:${smtp.port}`;
    assert.deepEqual(blockers, [
      `announcement: expected ${where} to offer SMTPUTF8 for the sender überblick@example.com, got a server without it. ` +
        "Use ASCII letters before the @ in announcement.from, or have the server offer SMTPUTF8 (a domain may have any letters: it goes out as punycode).",
      `announcement: expected ${where} to offer SMTPUTF8 for recipients with letters beyond ASCII before the @, got a server without it: entry 2, entry 3. ` +
        "Correct or leave out these addresses, or have the server offer SMTPUTF8 (a domain may have any letters: it goes out as punycode).",
    ]);
    assert.deepEqual(commands(), []);
  });

  it("before the @ of a notice's receiver stop the preview too", async () => {
    const url = await createDatabase();
    await runSql(url, ...DEALS);
    const { smtp } = await listen({ utf8: false });
    const sender = new Announcer(url, ["ada@example.com", "jörg@example.com"], smtp);
    const { blockers } = await sender.look();
    assert.match(blockers.join("\n"), /without it: entry 2 of notice\.to\. Correct/);
    assert.doesNotMatch(blockers.join("\n"), /jörg/);
  });

  it("before the @ go out as they are to a server with SMTPUTF8", async () => {
    const { server, smtp, commands } = await listen({ utf8: true });
    const target = new AnnouncementTarget(smtp, ["jörg@bücher.example"]);
    const spec = target.spec({ from: "überblick@example.com" });
    assert.deepEqual((await target.look(spec)).blockers, []);
    assert.equal((await target.announce(spec)).sent, 1);
    assert.equal(server.received.length, 1);
    assert.match(commands()[0] ?? "", /^MAIL FROM:<überblick@example\.com> .*SMTPUTF8/);
  });

  it("before the @ are never put on the line of a server that stopped offering SMTPUTF8 since the preview", async () => {
    const { server, smtp, commands } = await listen({ utf8: false });
    const target = new AnnouncementTarget(smtp, ["jörg@example.com", "bob@example.com"]);
    const { sent, refused, missed } = await announcement.apply(target.spec(), target.deps);
    assert.deepEqual([sent, refused, server.to()], [1, 1, ["bob@example.com"]]);
    assert.match(missed[0]?.reply ?? "", /^not sent: the mail server offers no SMTPUTF8/);
    assert.doesNotMatch(commands().join(), /[^\p{ASCII}]/u);
    const other = new AnnouncementTarget(smtp);
    const spec = other.spec({ from: "überblick@example.com" });
    await assert.rejects(announcement.apply(spec, other.deps), /for the sender überblick@example\.com/);
  });
});

describe("a message in the outbox", () => {
  for (const domain of ["example.com", "bücher.example", "notifications.of.a.long.example.com"])
    it(`is found again, so that it is not written twice, whatever the length of its sender's domain: ${domain}`, async () => {
      const target = new AnnouncementTarget();
      const spec = target.spec({ from: `rollout@${domain}` });
      for (let times = 0; times < 2; times += 1) await announcement.apply(spec, target.deps);
      assert.deepEqual(
        target.written().filter((name) => name.endsWith(".eml")),
        ["2026-11-24-announcement.eml"],
      );
    });
});

describe("a mail server's refusal", () => {
  for (const [reply, remedy] of [
    ["553 5.1.7 bad sender address syntax", /Correct announcement\.from: an address that the server knows/],
    ["553 mailbox name not allowed", /Correct announcement\.from: an address that the server knows/],
    ["550 5.1.8 sender domain does not exist", /Correct announcement\.from: an address/],
    ["501 5.1.3 bad address", /Correct announcement\.from: an address/],
    [
      "530 5.7.0 authentication required",
      /to take mail without another login, got: 530 .*Log in: smtp\.user/,
    ],
    ["535 who are you", /Log in: smtp\.user/],
    ["550 5.7.1 not yours", /Correct announcement\.from, or log in \(smtp\.user\)/],
    ["552 5.3.4 too large", /Shorten the mail/],
    ["550 5.6.7 letters not permitted", /Use addresses of ASCII letters in announcement\.from/],
  ] as const)
    it(`of the sender is told with what mends it: ${reply}`, async () => {
      const { smtp } = await listen({ utf8: false, mailFrom: reply });
      await assert.rejects(new AnnouncementTarget(smtp).announce(), (error: Error) => {
        assert.match(error.message, remedy);
        if (!/^53|5\.7\.1/.test(reply)) assert.doesNotMatch(error.message, /[Ll]og in/);
        return true;
      });
    });

  it("of a recipient is the recipient's, unless it says that the sender or the login is meant", () => {
    const read = (reply: string) => complaintOf(reply, "RCPT TO");
    assert.deepEqual(
      [
        "550 no such user",
        "553 5.1.3 x",
        "550 5.1.1 x",
        "553 5.1.7 x",
        "530 x",
        "554 5.7.1 relay",
        "550-5.2.2 full",
      ].map(read),
      ["recipient", "recipient", "recipient", "sender", "login", "policy", "recipient"],
    );
  });

  it("of all recipients for the sender's sake says so", async () => {
    const { server, smtp } = await listen({ utf8: false });
    server.behaviour = { rcpt: () => "550 5.1.8 sender domain does not exist" };
    await assert.rejects(
      new AnnouncementTarget(smtp).announce(),
      /at least one of 3 recipients.*Correct announcement\.from: an address/,
    );
  });
});
