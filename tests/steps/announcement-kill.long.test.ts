import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { SmtpSection } from "../../config/mail.ts";
import { SendJournal } from "../../mail/journal.ts";
import { MailServer } from "../mail-server.ts";
import { AnnouncementTarget, CANARY } from "./announcement-fixture.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const MANY = Array.from({ length: 6 }, (_, at) => `reader${at}@example.com`);

/** The step as its Command runs it: a process of its own, the secrets in its environment. */
function startStep(target: AnnouncementTarget, password = CANARY): ChildProcess {
  const mail = { password, addresses: { notice: [], announcement: MANY } };
  const child = spawn(process.execPath, ["bin/step.mjs", "announcement", "apply"], {
    cwd: root,
    env: { ...process.env, ROLLOUT_MAIL: JSON.stringify(mail) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin?.end(JSON.stringify(target.spec()));
  return child;
}

async function finish(child: ChildProcess) {
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout as never),
    text(child.stderr as never),
    once(child, "exit"),
  ]);
  return { output, errors, code };
}

/** Kills the step while the server has its n-th message and has not answered yet; then runs it again to the end. */
async function killAtMessage(number: number, changed: Partial<SmtpSection>) {
  const server = await new MailServer({ login: { user: "rollout", password: CANARY } }).start();
  const target = new AnnouncementTarget(server.smtp({ user: "rollout", ...changed }), MANY);
  const child = startStep(target);
  server.behaviour.data = async () => {
    if (server.received.length !== number) return undefined;
    child.kill("SIGKILL");
    await once(child, "exit");
    return undefined;
  };
  await finish(child);
  const again = await finish(startStep(target));
  await server.stop();
  return { server, target, again };
}

describe("announcement killed between a message and its record", () => {
  for (const number of [1, 3, MANY.length]) {
    it(`sends nobody a message twice: killed at message ${number} of ${MANY.length}`, async () => {
      const { server, target, again } = await killAtMessage(number, {});
      assert.equal(again.code, 0, again.errors);
      assert.deepEqual(server.to(), MANY);
      const { sent, unknown, journal } = JSON.parse(again.output);
      assert.deepEqual([sent, unknown], [MANY.length - 1, 1]);
      assert.match(journal, /^mail\/test-interface-rollout-announcement-1\.jsonl$/);
      assert.ok(!`${again.output}${again.errors}${target.visible()}`.includes(CANARY));
    });
  }

  it("sends it again with the same Message-ID where the config says so", async () => {
    const { server, again } = await killAtMessage(3, { onUnknown: "resend" });
    assert.equal(JSON.parse(again.output).sent, MANY.length);
    const ids = server.received
      .filter(({ to }) => to === MANY[2])
      .map(({ raw }) => /^Message-ID: .*$/m.exec(raw)?.[0]);
    assert.deepEqual([ids.length, new Set(ids).size], [2, 1]);
    assert.equal(server.received.length, MANY.length + 1);
  });
});

describe("the journal of what was sent", () => {
  it("goes on over a line that a crash cut off, and takes a message without an answer for unknown", async () => {
    const { folder } = new AnnouncementTarget().chain;
    const at = new Date(0);
    const journal = SendJournal.open(folder, "a/b/1");
    journal.recordLetter({ subject: "s", text: "t", html: "h" }, at);
    journal.record({ address: "a@example.com", messageId: "<1>", state: "sending" }, at);
    appendFileSync(journal.path, '{"record":"recipient","address":"b@exa');
    const next = SendJournal.open(folder, "a/b/1");
    assert.equal(next.outcomeOf("A@example.com"), "unknown");
    next.record({ address: "b@example.com", messageId: "<2>", state: "sent" }, at);
    const last = SendJournal.open(folder, "a/b/1");
    assert.deepEqual(
      last.recipients.map(({ address, outcome }) => [address, outcome]),
      [
        ["a@example.com", "unknown"],
        ["b@example.com", "sent"],
      ],
    );
    assert.equal(last.fixedLetter?.letter.subject, "s");
  });
});
