import { deepEqual, equal, match } from "node:assert/strict";
import type { UnitRun } from "../../hosts/host-run.ts";
import { crashLoop, isAnotherStart, notRunning, notStable } from "../../hosts/unit-proof.ts";

const aged = (...ages: number[]) =>
  ages.map((ageSeconds, index) => ({
    ...{ pid: index + 1, key: `${index + 1}@1`, ageSeconds, releases: [], visible: true },
  }));
const unit = (more: Partial<UnitRun> = {}): UnitRun => ({
  ...{ unit: "worker", load: "loaded", active: "active", sub: "running", type: "simple", result: "success" },
  ...{ restarts: 0, invocation: "i", readsEnvFile: true, processes: aged(10) },
  ...more,
});

describe("a unit that runs", () => {
  for (const [what, more, text, certain] of [
    ["is loaded", { load: "not-found" }, /^systemd has it as not-found/, true],
    [
      "is not failed",
      { active: "failed", sub: "failed", result: "start-limit-hit" },
      /as failed, by start-limit-hit/,
      true,
    ],
    [
      "is not given up after many tries",
      { active: "failed", sub: "failed", result: "exit-code", restarts: 5 },
      /^unit crash-loops: systemd has it as failed, by exit-code, after 5 restarts/,
      true,
    ],
    [
      "is not between two tries",
      { active: "activating", sub: "auto-restart", result: "exit-code", restarts: 4 },
      /^unit crash-loops: systemd has it as activating \(auto-restart\), by exit-code, after 4 restarts/,
      true,
    ],
    [
      "is not in its ExecStartPost",
      { active: "activating", sub: "start-post" },
      /as activating \(start-post\)/,
      false,
    ],
    [
      "is no oneshot that ended",
      { active: "inactive", sub: "dead", type: "oneshot", processes: [] },
      /Type=oneshot ran and ended/,
      true,
    ],
    [
      "has a process",
      { sub: "exited", type: "oneshot", processes: [] },
      /active \(exited\), and none of its processes runs/,
      true,
    ],
    ["is not stopped", { active: "inactive", sub: "dead", processes: [] }, /as inactive \(dead\)/, false],
  ] as const)
    it(what, () => {
      const { processes: none, ...rest } = { processes: undefined, ...more };
      const fault = notRunning(unit({ ...rest, ...(none ? { processes: [] } : {}) }));
      match(fault?.text ?? "", text);
      equal(fault?.certain, certain);
    });

  it("may be a daemon that a oneshot has left, or one that forked and has no main process", () => {
    equal(notRunning(unit({ sub: "exited", type: "oneshot" })), undefined);
    equal(notRunning(unit({ type: "forking" })), undefined);
  });
});

describe("a unit that was just restarted", () => {
  const rules = { base: { restarts: 0 }, least: 1, stableSeconds: 3 };
  it("is no proof before its process has held out", () => {
    deepEqual(notStable(unit({ processes: aged(2) }), rules), {
      text: "0 of 1 processes have run for 3 s",
      certain: false,
    });
    equal(notStable(unit({ processes: aged(3) }), rules), undefined);
  });

  it("needs so many processes that hold out as it has: a master whose workers die has one", () => {
    const run = unit({ processes: aged(60, 1, 0) });
    equal(notStable(run, { ...rules, least: 3 })?.text, "1 of 3 processes have run for 3 s");
  });

  it("is none, and no waiting helps, once systemd had to start it again", () => {
    const fault = notStable(unit({ restarts: 1 }), rules);
    match(fault?.text ?? "", /crash-loops: systemd had to start it again \(1 restart since ours\)/);
    equal(fault?.certain, true);
  });
});

describe("a unit that was proven", () => {
  const proven = { unit: "worker", restarts: 2, invocation: "i" };
  for (const [what, more, text] of [
    ["holds while nothing happens", { restarts: 2 }, undefined],
    ["holds after one restart that went well", { restarts: 3, processes: aged(4_000) }, undefined],
    ["is in a loop when it was just started again", { restarts: 3, processes: aged(2) }, "1 restart"],
    [
      "is in a loop after three, however long each lasts",
      { restarts: 5, processes: aged(4_000) },
      "3 restarts",
    ],
    ["is in a loop where the count began anew", { restarts: 1, processes: aged(5) }, "1 restart"],
    ["holds where systemd counts none", { restarts: undefined }, undefined],
  ] as const)
    it(what, () => {
      const { restarts, ...rest } = { ...unit(), ...more };
      const run = { ...rest, ...(restarts === undefined ? {} : { restarts }) } as UnitRun;
      equal(crashLoop(run, proven), text && `unit crash-loops: ${text} since it was proven`);
    });

  it("is another start with another invocation, and not where there is none", () => {
    equal(isAnotherStart(unit({ invocation: "j" }), proven), true);
    equal(isAnotherStart(unit(), proven), false);
    equal(isAnotherStart(unit({ invocation: "j" }), { ...proven, invocation: null }), false);
  });
});
