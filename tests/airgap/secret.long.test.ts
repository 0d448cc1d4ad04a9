import assert from "node:assert/strict";
import { CommandStack, type Finished } from "./command-stack.ts";

const CANARY = "canary-7f3a9c";

describe("command plugin: secrets", function () {
  this.timeout(120_000);
  const stack = new CommandStack();
  const runs: Finished[] = [];
  const states: string[] = [];

  before(async () => {
    await stack.initialize();
    for (const round of ["1", "2"]) {
      const secret = { $secret: CANARY };
      stack.declare({
        environment: {
          create: 'printf %s "$S" | wc -c',
          delete: 'printf %s "$S" | wc -c >> "$JOURNAL"',
          environment: { S: secret, ROUND: round },
          logging: "none",
        },
        whole: { create: 'printf %s "$S" | wc -c', environment: { $secret: { S: CANARY, ROUND: round } } },
        stdin: { create: "wc -c", stdin: { $secret: `${CANARY}${round}` } },
        command: { create: { $secret: `true ${CANARY}` }, stdin: round },
        output: {
          args: { create: `printf %s "$S"`, environment: { S: secret, ROUND: round }, logging: "none" },
          options: { additionalSecretOutputs: ["stdout"] },
        },
      });
      runs.push(await stack.run("up"));
      states.push(stack.rawState());
    }
    runs.push(await stack.run("preview", "--diff"));
    runs.push(await stack.run("destroy"));
    for (const { exitCode, output } of runs) assert.equal(exitCode, 0, output);
  });

  it("the command sees the secret itself, also in the delete that runs from the state", () => {
    assert.deepEqual(runs.at(-1)?.journal, [String(CANARY.length)]);
  });

  it("no secret is in the state in plain text, after create and after update", () => {
    for (const state of states) {
      assert.match(state, /ciphertext/);
      assert.ok(!state.includes(CANARY));
    }
  });

  it("no secret is in what the engine prints or shows", () => {
    for (const { output, events } of runs) {
      // The SDK's debug messages hold properties as they are; they are shown with --debug only.
      const shown = events.filter(({ diagnosticEvent }) => diagnosticEvent?.severity !== "debug");
      for (const text of [output, ...shown.map((event) => JSON.stringify(event))]) {
        assert.ok(!text.includes(CANARY), text.slice(0, 3000));
      }
    }
  });

  it("an output is no secret by itself, and is one when additionalSecretOutputs says so", () => {
    const { resources } = JSON.parse(states[1] ?? "").checkpoint.latest as {
      resources: { urn: string; outputs: { stdout: unknown } }[];
    };
    const stdout = (name: string) => resources.find(({ urn }) => urn.endsWith(`::${name}`))?.outputs.stdout;
    assert.equal(stdout("environment"), String(CANARY.length));
    assert.equal(typeof stdout("output"), "object");
  });
});
