import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { renderHtml } from "../../mail/markdown.ts";
import { describeRecipients, sortEntries } from "../../mail/recipients.ts";
import { announcement } from "../../steps/announcement.ts";
import { applyStep } from "../../steps/run-step.ts";
import { createDatabase } from "../database.ts";
import { MailServer, parseMail } from "../mail-server.ts";
import { AnnouncementTarget, fileWith, READERS } from "./announcement-fixture.ts";
import { dyingBeforeName } from "./file-crash.ts";
import { runSql } from "./preflight-deps.ts";

const CORRECTION = { correction: "templates/announcement-correction.md" };
const EML = "2026-11-24-announcement.eml";

describe("announcement written to the outbox", () => {
  it("shows in the preview subject, number, way and first lines, and writes nothing then", async () => {
    const target = new AnnouncementTarget();
    const { plan, undo, blockers } = await target.look(target.spec(CORRECTION));
    assert.deepEqual(blockers, []);
    assert.match(plan[1] ?? "", /^to 3 recipients \(digest [0-9a-f]{16}\), into \S+outbox$/);
    assert.deepEqual(
      [plan[0], ...plan.slice(2, 4)],
      [
        "announce, once: IT DD Agent now asks for the type of a deal",
        "| Hello,",
        "| **IT DD Agent** now knows what kind a deal is, and estimates each by its own rules: acquisition, carveout.",
      ],
    );
    assert.match(
      undo.join(),
      /^send the correction "IT DD Agent: the deal type .*" to those who got the announcement/,
    );
    assert.deepEqual([target.written(), target.chain.records], [[], []]);
  });

  it("writes text and HTML that a mail program reads, recipients beside it, both for their owner alone", async () => {
    const target = new AnnouncementTarget();
    const odd = { application: "Prüf-Ü 測試 <b>", team: 'Älteste, "Q"' };
    const { file = "", sent } = await target.announce(target.spec(odd));
    assert.deepEqual([sent, target.written()], [3, [EML, EML.replace(".eml", ".recipients.txt")]]);
    for (const name of target.written())
      assert.equal(statSync(join(target.outbox, name)).mode & 0o777, 0o600);
    assert.equal(target.raw(EML.replace(".eml", ".recipients.txt")), `${READERS.join("\n")}\n`);
    const mail = await parseMail(readFileSync(file));
    assert.equal(mail.subject, "Prüf-Ü 測試 <b> now asks for the type of a deal");
    assert.deepEqual(mail.from, { name: 'Älteste, "Q"', address: "rollout@example.com" });
    assert.match(mail.text ?? "", /\*\*Prüf-Ü 測試 <b>\*\* now knows/);
    assert.match(mail.html ?? "", /<strong>Prüf-Ü 測試 &lt;b&gt;<\/strong> now knows/);
    assert.match(mail.html ?? "", /<a href="https:\/\/deals\.example\.com">/);
    assert.doesNotMatch(target.raw(EML), /[^\p{ASCII}]/u);
  });

  it("writes it once: not on a re-run, a repair, or when the run broke off after writing", async () => {
    const target = new AnnouncementTarget();
    const broken = { ...target.deps, saveArtifact: () => Promise.reject(new Error("disk full")) };
    const first = applyStep(announcement, target.spec(), { ...target.context, deps: broken });
    await assert.rejects(first, /disk full/);
    const result = await target.announce();
    assert.deepEqual(await target.announce({ ...target.spec(), generation: 2 }), result);
    assert.equal(target.written().length, 2);
    assert.equal(result.sent, 3);
  });

  it("names a message that nobody recorded when its run was killed after writing it and is undone", async () => {
    const target = new AnnouncementTarget();
    // Three names before it: a record, its head, the message. The list of its readers is the fourth.
    assert.ok(await dyingBeforeName(4, () => target.announce()));
    await target.undo();
    assert.deepEqual(
      target.kept().map(({ subject }) => subject),
      [join(target.outbox, EML)],
    );
    assert.match(target.kept()[0]?.reason ?? "", /killed before it recorded who it is for\. Remove it/);
  });

  it("says what an undo can't take back, and announces again in a new attempt, beside the old message", async () => {
    const target = new AnnouncementTarget();
    await target.announce();
    assert.match(
      (await target.look()).undo.join(),
      /^keep the announcement: 3 recipients can't be made to forget it/,
    );
    await target.undo();
    assert.match(
      target.kept()[0]?.reason ?? "",
      /can't be taken back: tell them yourself\. Their addresses are in /,
    );
    await target.announce();
    assert.equal(target.written().filter((name) => name.endsWith(".eml")).length, 2);
  });

  const faults: [string, Parameters<AnnouncementTarget["spec"]>, RegExp][] = [
    [
      "a template that is not there",
      [{ template: "none.md" }],
      /a template in none\.md, .* announcement\.template/,
    ],
    [
      "a correction that is not there",
      [{ correction: "none.md" }],
      /a template in none\.md, .* announcement\.correction/,
    ],
    [
      "a field that there is not",
      [{ template: fileWith("Subject: x\n\n{weather}") }],
      /one of the fields .*, got \{weather\}/,
    ],
    [
      "a header in the subject",
      [{ template: fileWith("Subject: x\rBcc: evil@example.com\n\ntext") }],
      /a first line `Subject: …`/,
    ],
    [
      "nobody to send it to",
      [{}, { recipients: { file: fileWith("# none\n"), limit: 9 } }],
      /1 to 9 recipients, got none/,
    ],
    [
      "more recipients than the limit",
      [{}, { recipients: { limit: 2 } }],
      /1 to 2 recipients, got more than 2/,
    ],
    [
      "a file that is not there",
      [{}, { recipients: { file: "none.txt", limit: 9 } }],
      /the recipients in none\.txt/,
    ],
  ];
  for (const [what, args, message] of faults) {
    it(`refuses ${what} before anything runs`, async () => {
      const target = new AnnouncementTarget();
      assert.match((await target.look(target.spec(...args))).blockers.join("\n"), message);
      await assert.rejects(target.announce(target.spec(...args)), message);
      assert.deepEqual([target.written(), target.chain.records], [[], []]);
    });
  }
});

describe("the way back from an announcement", () => {
  it("sends the correction to exactly those who got it, once, whatever the list says by now", async () => {
    const server = await new MailServer({
      rcpt: (to) => (to === READERS[1] ? "550 gone" : undefined),
    }).start();
    const target = new AnnouncementTarget(server.smtp());
    await target.announce(target.spec(CORRECTION));
    target.deps.mail = { addresses: { notice: [], announcement: ["new@example.com"] } };
    server.behaviour = {};
    assert.match(
      (await target.look(target.spec(CORRECTION))).undo.join(),
      /to 2 recipients, by 127\.0\.0\.1/,
    );
    const { summary } = await target.undo(target.spec(CORRECTION));
    assert.match(summary, /^corrected the announcement to 2 recipients: sent to 2 recipients;/);
    const corrections = server.received.slice(2);
    assert.deepEqual(
      corrections.map(({ to }) => to),
      [READERS[0], READERS[2]],
    );
    assert.match((await parseMail(corrections[0]?.raw ?? "")).subject ?? "", /taken back for now/);
    await target.undo(target.spec(CORRECTION));
    assert.equal(server.received.length, 4);
    await server.stop();
  });

  it("corrects those who got it from a run that broke off, by the record of each of them", async () => {
    const server = await new MailServer({
      data: ({ to }) => (to === READERS[0] ? undefined : "drop"),
    }).start();
    const target = new AnnouncementTarget(server.smtp(), [...READERS, "dot@example.com"]);
    await assert.rejects(target.announce(target.spec(CORRECTION)), /to keep the connection/);
    server.behaviour = {};
    await target.undo(target.spec(CORRECTION));
    assert.deepEqual(server.to().slice(4), [READERS[0]]);
    assert.match(target.kept()[0]?.reason ?? "", /whether they got the announcement is unknown/);
    await server.stop();
  });

  it("is not held up by a mail server that is down, or a correction that is gone: what was not sent is named", async () => {
    const server = await new MailServer().start();
    const target = new AnnouncementTarget(server.smtp());
    const correction = fileWith("Subject: sorry\n\ntext");
    await target.announce(target.spec({ correction }));
    await server.stop();
    await target.undo(target.spec({ correction }));
    assert.match(
      target.kept()[0]?.reason ?? "",
      /did not go out to all of them: announcement: expected an answer from/,
    );

    const other = new AnnouncementTarget();
    await other.announce(other.spec({ correction }));
    rmSync(correction);
    await other.undo(other.spec({ correction }));
    assert.match(other.kept()[0]?.reason ?? "", /expected a template in .*announcement\.correction/);
  });

  it("writes the correction to the outbox where the announcement went there", async () => {
    const target = new AnnouncementTarget();
    await target.announce(target.spec(CORRECTION));
    await target.undo(target.spec(CORRECTION));
    assert.equal(target.raw("2026-11-24-correction.recipients.txt"), `${READERS.join("\n")}\n`);
  });
});

describe("recipients of an announcement", () => {
  const file = (content: string, column?: string) => ({
    recipients: { file: fileWith(content, "readers.csv"), limit: 9, ...(column ? { column } : {}) },
  });
  const planOf = async (rest: Parameters<AnnouncementTarget["spec"]>[1], url = "") => {
    const target = new AnnouncementTarget(undefined, [], url);
    const { plan, blockers } = await target.look(target.spec({}, rest));
    return blockers.join("\n") || plan[1]?.replace(/ \(digest [^)]*\)/, "").replace(/, into .*/, "");
  };

  it("are one a line: duplicates and what is no address are left out, counted, named by their line", async () => {
    const content =
      "\uFEFFa@example.com\r\n# comment\n\nA@EXAMPLE.com\nnobody\nb@example.com \nx@y\u0000z\n<c@example.com>\n";
    assert.equal(
      await planOf(file(content)),
      "to 2 recipients; left out as duplicates: 1 (line 4); left out as no address: 3 (line 5, line 7, line 8)",
    );
  });

  it("are the column of a CSV file, quotes and semicolons included; a header smuggled into a field is no address", async () => {
    const content =
      'name;e-mail\n"Ä; B";a@example.com\nC;"b@example.com\nBcc: evil@example.com"\nD;c@example.com\n';
    assert.equal(
      await planOf(file(content, "e-mail")),
      "to 2 recipients; left out as no address: 1 (line 4)",
    );
    assert.match(
      (await planOf(file(content, "mail"))) ?? "",
      /expected a column mail in .*, got name, e-mail/,
    );
  });

  it("come from a query that can only read, has one column, and ends in time; no message holds a row", async () => {
    const url = await createDatabase();
    await runSql(
      url,
      "CREATE SEQUENCE counter",
      "CREATE TABLE users (email text, active boolean)",
      "INSERT INTO users VALUES ('a@example.com', true), ('b@example.com', false), (NULL, true), ('a@example.com', true)",
    );
    const query = (text: string) => planOf({ recipients: { query: text, limit: 9 } }, url);
    assert.equal(
      await query("SELECT email FROM public.users WHERE active ORDER BY email;"),
      "to 1 recipient; left out as duplicates: 1 (row 2); left out as no address: 1 (row 3)",
    );
    const refused: [string, RegExp][] = [
      ["SELECT email FROM users", /relation "users" does not exist \(42P01\); names need their schema/],
      ["SELECT email, active FROM public.users", /got 2 columns instead of one/],
      [
        "WITH gone AS (DELETE FROM public.users RETURNING email) SELECT * FROM gone",
        /data-modifying statement must be at the top level \(0A000\)/,
      ],
      ["SELECT 1) AS a; DELETE FROM public.users; SELECT (1", /cannot insert multiple commands|syntax error/],
      ["SELECT email::int FROM public.users", /got error 22P02/],
      ["SELECT pg_sleep(60)::text", /statement timeout \(57014\)/],
      ["SELECT nextval('public.counter')::text", /read-only transaction \(25006\)/],
      [
        "SELECT 'x' || n || '@example.com' FROM generate_series(1, 50) n",
        /1 to 9 recipients, got more than 9/,
      ],
      [
        // Few people in the rows that are read, and others in those that are not.
        "SELECT 'x' || n / 6 || '@example.com' FROM generate_series(1, 50) n",
        /1 to 9 recipients, got more than 9 rows from recipients\.query/,
      ],
    ];
    for (const [text, message] of refused) {
      const said = await query(text);
      assert.match(said ?? "", message);
      assert.doesNotMatch(said ?? "", /a@example/);
    }
    const [rows] = await runSql(url, "SELECT count(*)::int AS count FROM users");
    assert.equal(rows?.rows[0].count, 4);
  });

  it("are told in bounded words, however many are left out", () => {
    const entries = Array.from({ length: 1000 }, (_, at) => ({ where: `line ${at}`, text: "nobody" }));
    assert.match(
      describeRecipients(sortEntries(entries)),
      /no address: 1000 \(line 0, .*, line 9 and 990 more\)$/,
    );
  });
});

describe("a letter's HTML", () => {
  const rows: [string, string, RegExp | string][] = [
    ["raw HTML is text", "<script>alert(1)</script>", "&lt;script&gt;"],
    ["a script's link is text", "[x](javascript:alert(1))", "[x](javascript:alert(1))"],
    ["data in a link is text", "[x](data:text/html,hi)", "[x](data:text/html,hi)"],
    ["an attribute can't be broken out of", '[x](https://e.com/"onclick="y)', "%22onclick=%22y"],
    ["a link works", "[x](https://example.com/?a=1&b=2)", '<a href="https://example.com/?a=1&amp;b=2">x</a>'],
    ["lines stay lines", "one\ntwo", "one<br>\ntwo"],
    ["a column's name is no link", "deals.name", "<p>deals.name</p>"],
  ];
  for (const [what, text, wanted] of rows) {
    it(what, () => {
      const html = renderHtml({ subject: "News", text });
      assert.ok(html.includes(String(wanted)), html);
      assert.doesNotMatch(html, /<script|<img|href="(?!https?:|mailto:)/);
    });
  }

  it("fetches no picture", () => {
    const text = "![x](https://example.com/x.png)";
    assert.doesNotMatch(renderHtml({ subject: "News", text }), /<img/);
  });
});
