import assert from "node:assert/strict";
import { type Told, tellPulumi } from "../phases/told.ts";

// Shape only: what the engine does with it is shown by tests/engine with the real one.
describe("the command of a step", () => {
  let commands: Told[];
  before(async () => {
    commands = (await tellPulumi(4)).filter(({ type }) => type === "command:local:Command");
  });

  it("gets what only mail needs where the step sends mail, and nowhere else", () => {
    const holders = commands.filter(({ inputs }) =>
      JSON.stringify(inputs.environment).includes("ROLLOUT_MAIL"),
    );
    assert.deepEqual(holders.map(({ name }) => name).sort(), [
      "database-migration-notice",
      "interface-rollout-announcement",
    ]);
  });

  it("keeps config, secrets, paths and triggers out of itself", () => {
    for (const { inputs } of commands) {
      assert.match(String(inputs.create), /^node bin\/step\.mjs [a-z-]+ apply$/);
      assert.equal(inputs.update, inputs.create);
      assert.equal(inputs.delete, String(inputs.create).replace(/apply$/, "undo"));
      assert.equal(inputs.addPreviousOutputInEnv, false);
      assert.equal(inputs.logging, "stderr");
      for (const unset of ["triggers", "dir", "interpreter"]) assert.equal(inputs[unset], undefined);
      assert.doesNotMatch(String(inputs.stdin), /canary/);
    }
  });
});
