import assert from "node:assert/strict";
import { type Args, CommandStack, type Finished } from "./command-stack.ts";

/** Failing command → what the engine says of it. */
const FAILURES: Record<string, { args: Args; says: RegExp; options?: Record<string, unknown> }> = {
  status: {
    args: { create: 'echo "an out"; echo "an err" >&2; exit 3' },
    says: /exit status 3: running "echo \\"an out\\"; echo \\"an err\\" >&2; exit 3":\n\s*an out\n\s*an err/,
  },
  signal: { args: { create: "kill -TERM $$" }, says: /signal: terminated: running "kill -TERM \$\$":/ },
  lines: { args: { create: "echo ä\nexit 1" }, says: /exit status 1: running "echo ä\\nexit 1":\n\s*ä/ },
  folder: {
    args: { create: "true", dir: "nowhere" },
    says: /chdir nowhere: no such file or directory: running "true":/,
  },
  interpreter: {
    args: { create: "x", interpreter: ["no-such-program"] },
    says: /exec: "no-such-program": executable file not found in \$PATH: running "x":/,
  },
  "interpreter-path": {
    args: { create: "x", interpreter: ["/no/such/program"] },
    says: /fork\/exec \/no\/such\/program: no such file or directory: running "x":/,
  },
  "too-much-environment": {
    args: { create: "true", environment: { BIG: "x".repeat(200_000) } },
    says: /fork\/exec \/bin\/sh: argument list too long: running "true":/,
  },
  timeout: {
    args: { create: "echo begun; exec sleep 60" },
    options: { customTimeouts: { create: "1s" } },
    says: /signal: killed: running "echo begun; exec sleep 60":\n\s*begun/,
  },
  "large-output": {
    args: { create: "head -c 60000 /dev/zero | tr '\\0' z; exit 5", logging: "none" },
    says: /exit status 5: running "head.*":\n\s*z{1000}/,
  },
};

/** Wrong types are refused before anything runs. */
const REFUSED: Record<string, Args> = {
  create: { create: 5 },
  environment: { environment: { A: 1 } },
  interpreter: { interpreter: "sh" },
  addPreviousOutputInEnv: { addPreviousOutputInEnv: "yes" },
};

describe("command plugin: failures", function () {
  this.timeout(120_000);
  const stack = new CommandStack();
  let failed: Finished;

  before(async () => {
    await stack.initialize();
    const failing = Object.entries(FAILURES).map(([name, { args, options = {} }]) => [
      name,
      { args, options },
    ]);
    stack.declare({ ...Object.fromEntries(failing), sound: { create: "echo sound" } });
    failed = await stack.run("up", "--continue-on-error");
  });

  for (const [name, { says }] of Object.entries(FAILURES)) {
    it(`${name}: the message holds reason, command and output; nothing is stored`, () => {
      const messages = failed.events
        .flatMap(({ diagnosticEvent }) => (diagnosticEvent ? [diagnosticEvent] : []))
        .filter(({ urn, severity }) => urn?.endsWith(`::${name}`) && severity === "error")
        .map(({ message }) => message.replace(/<\{%.*?%\}>/g, ""));
      assert.match(messages.join("\n"), says);
      assert.ok(!(name in stack.stored()));
    });
  }

  it("a failure ends the run with a failure, and what worked is stored", () => {
    assert.notEqual(failed.exitCode, 0);
    assert.deepEqual(Object.keys(stack.stored()), ["sound"]);
  });

  for (const [property, args] of Object.entries(REFUSED)) {
    it(`${property} of a wrong type is refused by its name, before anything runs`, async () => {
      stack.declare({ wrong: { update: 'echo ran >> "$JOURNAL"', ...args } });
      const { exitCode, output, journal } = await stack.run("preview");
      assert.notEqual(exitCode, 0);
      assert.match(output, new RegExp(`property ${property}.* has a problem`));
      assert.deepEqual(journal, []);
    });
  }

  it("a failed update leaves the old state, a failed delete the resource", async () => {
    const verbs = { create: "echo one", update: "echo two; exit 1", delete: "exit 9" };
    stack.declare({ sound: { create: "echo sound" }, kept: verbs });
    assert.equal((await stack.run("up")).exitCode, 0);
    stack.declare({ sound: { create: "echo sound" }, kept: { ...verbs, stdin: "new" } });
    assert.notEqual((await stack.run("up")).exitCode, 0);
    const { inputs, outputs } = stack.stored().kept ?? assert.fail("kept is gone");
    assert.equal(outputs.stdout, "one");
    assert.ok(!("stdin" in inputs));
    const destroyed = await stack.run("destroy");
    assert.notEqual(destroyed.exitCode, 0);
    assert.match(destroyed.output, /exit status 9: running "exit 9":/);
    assert.deepEqual(Object.keys(stack.stored()), ["kept"]);
  });
});
