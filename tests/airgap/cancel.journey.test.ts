import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandStack } from "./command-stack.ts";

/** The step under way: notes its start, waits for a child, and would note its end. */
const LONG =
  'echo "begin $$" >> "$JOURNAL"; sleep 30 & echo "child $!" >> "$JOURNAL"; wait; echo end >> "$JOURNAL"';

async function waitFor<T>(what: string, look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(50);
  }
  throw new Error(`waited 20 s for ${what}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("command plugin: cancellation", function () {
  this.timeout(120_000);
  const stack = new CommandStack();

  before(() => stack.initialize());

  const pidOf = (word: string) =>
    waitFor(`${word} in the journal`, () => {
      const line = stack.journal().find((entry) => entry.startsWith(word));
      return line ? Number(line.split(" ")[1]) : undefined;
    });

  it("Ctrl-C kills the command's own process, not its children; the run fails and stores nothing", async () => {
    stack.declare({ long: { create: LONG, interpreter: ["/bin/sh", "-c"] } });
    const up = stack.start(["up", "--yes", "--skip-preview"]);
    const shell = await pidOf("begin");
    const child = await pidOf("child");
    up.kill("SIGINT");
    await waitFor("the shell to end", () => (isAlive(shell) ? undefined : true));
    assert.ok(isAlive(child), "the child is told nothing");
    // The operation lasts as long as somebody holds the command's output.
    process.kill(child, "SIGKILL");
    const { exitCode, all } = await up;
    assert.notEqual(exitCode, 0);
    assert.match(all, /signal: killed: running/);
    assert.deepEqual(stack.stored(), {});
    assert.ok(!stack.journal().includes("end"));
  });

  it("after a cancelled run the next one begins anew", async () => {
    stack.declare({ long: { create: "echo short" } });
    const up = await stack.run("up");
    assert.equal(up.exitCode, 0, up.output);
    assert.equal(stack.outputs("long").stdout, "short");
  });
});
