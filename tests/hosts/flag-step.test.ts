import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { drift, setUpSteps } from "./phase-steps.ts";
import type { Declared } from "./rollout-fixture.ts";

describe("the step env-flag", () => {
  it("sets the flag and gives every host's file back byte by byte", async () => {
    const { run, envFlag, hosts, flags } = setUpSteps();
    writeFileSync(hosts[1]?.envFile ?? "", "# notes\r\nexport FLAG='false'\r\nA=1");
    const before = flags();
    deepEqual((await run.apply(envFlag)).before, { "host-a": null, "host-b": "false" });
    deepEqual(flags(), [`${before[0]}FLAG=true\n`, "# notes\r\nexport FLAG='true'\r\nA=1"]);
    deepEqual(drift(await run.observe(envFlag)), []);
    await run.undo(envFlag);
    deepEqual(flags(), before);
  });

  it("shows a hand edit as drift, keeps what was there before it, and repairs", async () => {
    const { run, envFlag, hosts, flags } = setUpSteps();
    const before = flags();
    await run.apply(envFlag);
    writeFileSync(hosts[0]?.envFile ?? "", "DATABASE_URL=postgres://x\nFLAG=maybe\nFLAG=0\n");
    const seen = await run.observe(envFlag);
    deepEqual(drift(seen), ["FLAG=true on host-a: 0"]);
    match(seen.plan.join(), /host-a: FLAG is on 2 lines of .* \(2, 3\): the last one counts/);
    deepEqual((await run.apply(envFlag)).before, { "host-a": null, "host-b": null });
    const { kept } = await run.undo(envFlag);
    deepEqual(flags(), before);
    const subject = `host-a: folded 2 lines of FLAG in ${hosts[0]?.envFile} into one`;
    deepEqual(kept, [{ subject, reason: "stay folded: one line is enough" }]);
  });

  it("goes back after a crash between two hosts, to what each had before", async () => {
    const { run, envFlag, broken, declared, flags } = setUpSteps();
    const before = flags();
    // Off is the way back: one broken host does not keep the other on.
    const off = { ...envFlag, fields: { ...envFlag.fields, value: false, hosts: [declared[0], broken] } };
    match((await run.observe(off)).plan.join("\n"), /host-b: .*\(listed; the other hosts go on\)/);
    const { unfinished = [] } = (await run.apply(off)) as { unfinished?: string[] };
    match(unfinished.join("\n"), /^host-b: expected the folder of \/nowhere\/x on host-b, got none/);
    equal(flags()[0], `${before[0]}FLAG=false\n`);
    match((await run.undo(off)).summary, /on 1 hosts \(left: host-b\)/);
    deepEqual(flags(), before);
    equal(existsSync("/nowhere"), false);
  });

  it("goes on both ways after a kill in the middle", async () => {
    for (const way of ["forward", "back"]) {
      const { run, envFlag, flags } = setUpSteps();
      const before = flags();
      await run.applyAndKill(envFlag, () => flags().some((text) => text.includes("FLAG=true")));
      equal(run.entry(envFlag)?.state, "half-done");
      if (way === "forward") {
        await run.apply(envFlag);
        for (const text of flags()) match(text, /\nFLAG=true\n$/);
      }
      await run.undo(envFlag);
      deepEqual(flags(), before);
    }
  });

  it("gives way to the newest step that wants the flag", async () => {
    const { run, envFlag, flags } = setUpSteps();
    await run.apply(envFlag);
    const later: Declared = { ...envFlag, phase: "validation", fields: { ...envFlag.fields, value: false } };
    await run.apply(later);
    deepEqual((await run.observe(envFlag)).drift, []);
    await run.undo(later);
    for (const text of flags()) match(text, /FLAG=true\n$/);
  });

  it("is refused on the way on while a host cannot be reached, before any host is changed", async () => {
    const { run, envFlag, broken, declared, flags } = setUpSteps();
    const before = flags();
    const on = { ...envFlag, fields: { ...envFlag.fields, hosts: [declared[0], broken] } };
    await rejects(
      run.apply(on),
      /not started\.\n {2}- host-b: expected the folder of \/nowhere\/x on host-b, got none/,
    );
    deepEqual(flags(), before);
  });
});
