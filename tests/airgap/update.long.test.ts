import assert from "node:assert/strict";
import {
  type Args,
  CommandStack,
  type Declared,
  detailedDiff,
  type Finished,
  operations,
} from "./command-stack.ts";

const note = (word: string) => `echo "$NAME ${word} [$PULUMI_COMMAND_STDOUT]" >> "$JOURNAL"; echo ${word}`;

/** Base arguments: every verb writes its name and the output of the run before to the journal. */
function verbs(name: string, more: Args = {}): Args {
  const { environment = {}, ...rest } = more as { environment?: object };
  return {
    create: note("create"),
    update: note("update"),
    delete: note("delete"),
    environment: { NAME: name, ...environment },
    ...rest,
  };
}

/** Name of the case → arguments before and after, what the engine does, what runs, what the diff names. */
interface Change {
  before: Args;
  after: Args;
  options?: Record<string, unknown>;
  ops: string[];
  ran: string[];
  diff?: Record<string, string>;
}

const UPDATED = { ops: ["update"], ran: ["update [create]"] };
const REPLACED = {
  ops: ["create-replacement", "replace", "delete-replaced"],
  ran: ["create []", "delete [create]"],
};

const CHANGES: Record<string, Change> = {
  unchanged: { before: {}, after: {}, ops: ["same"], ran: [] },
  environment: {
    before: { environment: { A: "1" } },
    after: { environment: { A: "2", "odd.key": "x" } },
    ...UPDATED,
    diff: { "environment.A": "update", 'environment["odd.key"]': "add" },
  },
  "environment-smaller": {
    before: { environment: { A: "1" } },
    after: {},
    ...UPDATED,
    diff: { "environment.A": "delete" },
  },
  stdin: { before: { stdin: "1" }, after: { stdin: "2" }, ...UPDATED, diff: { stdin: "update" } },
  "stdin-added": { before: {}, after: { stdin: "2" }, ...UPDATED, diff: { stdin: "add" } },
  "stdin-removed": { before: { stdin: "1" }, after: {}, ...UPDATED, diff: { stdin: "delete" } },
  dir: { before: { dir: "." }, after: { dir: "state" }, ...UPDATED, diff: { dir: "update" } },
  logging: { before: {}, after: { logging: "none" }, ...UPDATED, diff: { logging: "add" } },
  interpreter: {
    before: { interpreter: ["/bin/sh", "-c"] },
    after: { interpreter: ["/bin/bash", "-c"] },
    ...UPDATED,
    diff: { "interpreter[0]": "update" },
  },
  "asset-paths": { before: {}, after: { assetPaths: ["none"] }, ...UPDATED, diff: { assetPaths: "add" } },
  "create-text": { before: {}, after: { create: "false" }, ...UPDATED, diff: { create: "update" } },
  "delete-text": { before: {}, after: { delete: "true" }, ...UPDATED, diff: { delete: "update" } },
  "no-update": {
    before: { update: undefined, stdin: "1" },
    after: { update: undefined, stdin: "2" },
    ops: ["update"],
    ran: ["create [create]"],
    diff: { stdin: "update" },
  },
  "no-command-at-all": {
    before: { update: undefined, create: undefined, stdin: "1" },
    after: { update: undefined, create: undefined, stdin: "2" },
    ops: ["update"],
    ran: [],
  },
  "previous-output-hidden": {
    before: { addPreviousOutputInEnv: false, stdin: "1" },
    after: { addPreviousOutputInEnv: false, stdin: "2" },
    ops: ["update"],
    ran: ["update []"],
  },
  "trigger-changed": {
    before: { triggers: ["a", 1] },
    after: { triggers: ["a", 2] },
    ...REPLACED,
    diff: { "triggers[1]": "update-replace" },
  },
  "trigger-asset-changed": {
    before: { triggers: [{ $asset: "one" }] },
    after: { triggers: [{ $asset: "two" }] },
    ...REPLACED,
  },
  "trigger-asset-same": {
    before: { triggers: [{ $asset: "one" }] },
    after: { triggers: [{ $asset: "one" }] },
    ops: ["same"],
    ran: [],
  },
  "triggers-added": {
    before: {},
    after: { triggers: ["a"] },
    ...REPLACED,
    diff: { triggers: "add-replace" },
  },
  "triggers-removed": {
    before: { triggers: ["a"] },
    after: {},
    ...REPLACED,
    diff: { triggers: "delete-replace" },
  },
  "secret-made": {
    before: { stdin: "1" },
    after: { stdin: { $secret: "1" } },
    ops: ["update"],
    ran: ["update [create]"],
  },
  "secret-changed": {
    before: { environment: { A: { $secret: "1" } } },
    after: { environment: { A: { $secret: "2" } } },
    ...UPDATED,
  },
  "secret-unchanged": {
    before: { environment: { A: { $secret: "1" } } },
    after: { environment: { A: { $secret: "1" } } },
    ops: ["same"],
    ran: [],
  },
  ignored: {
    before: { stdin: "1" },
    after: { stdin: "2" },
    options: { ignoreChanges: ["stdin"] },
    ops: ["same"],
    ran: [],
  },
  "ignored-beside-another": {
    before: { stdin: "1", logging: "none" },
    after: { stdin: "2", logging: "stderr" },
    options: { ignoreChanges: ["stdin"] },
    ...UPDATED,
    diff: { logging: "update" },
  },
};

/** The journal's lines of one Command, without its name. */
function ran({ journal }: Finished, name: string): string[] {
  return journal.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
}

function declare(stack: CommandStack, which: "before" | "after"): void {
  const entries = Object.entries(CHANGES).map(([name, change]): [string, Declared] => [
    name,
    { args: verbs(name, change[which]), ...(change.options ? { options: change.options } : {}) },
  ]);
  stack.declare(Object.fromEntries(entries));
}

describe("command plugin: update, replace, delete", function () {
  this.timeout(120_000);
  const stack = new CommandStack();
  const runs: Record<string, Finished> = {};

  before(async () => {
    await stack.initialize();
    declare(stack, "before");
    runs.create = await stack.run("up");
    declare(stack, "after");
    runs.preview = await stack.run("preview", "--diff");
    runs.update = await stack.run("up");
    runs.again = await stack.run("up");
    runs.refresh = await stack.run("refresh");
    runs.destroy = await stack.run("destroy");
    for (const { exitCode, output } of Object.values(runs)) assert.equal(exitCode, 0, output);
  });

  for (const [name, { ops, ran: expected, diff }] of Object.entries(CHANGES)) {
    it(`${name}: the engine does ${ops.join(", ")}, and ${expected.join(", then ") || "nothing"} runs`, () => {
      assert.deepEqual(operations(runs.update as Finished, name).sort(), [...ops].sort());
      assert.deepEqual(ran(runs.update as Finished, name), expected);
      if (diff) assert.deepEqual(detailedDiff(runs.preview as Finished, name), diff);
    });
  }

  it("a preview runs no command", () => assert.deepEqual(runs.preview?.journal, []));
  it("a second up runs no command", () => assert.deepEqual(runs.again?.journal, []));
  it("a refresh runs no command and finds no change", () => assert.deepEqual(runs.refresh?.journal, []));

  it("destroy runs delete with the output of the last run", () => {
    assert.deepEqual(ran(runs.destroy as Finished, "unchanged"), ["delete [create]"]);
    assert.deepEqual(ran(runs.destroy as Finished, "stdin"), ["delete [update]"]);
    assert.deepEqual(ran(runs.destroy as Finished, "previous-output-hidden"), ["delete []"]);
    assert.deepEqual(ran(runs.destroy as Finished, "delete-text"), []);
    assert.deepEqual(stack.stored(), {});
  });
});
