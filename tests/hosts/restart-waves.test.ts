import { deepEqual, equal, match } from "node:assert/strict";
import type { RestartSection } from "../../config/deployment.ts";
import type { Host, Service } from "../../config/target.ts";
import { isAsWanted, judgeProcess, judgeUnit } from "../../hosts/propagation.ts";
import { planWaves, restartGaps } from "../../hosts/restart-waves.ts";
import { parseSpan, restartLimitMs } from "../../hosts/service-units.ts";

const SHA = "a".repeat(40);
const OTHER = "b".repeat(40);

function host(name: string, services: Partial<Service>[] = []): Host {
  const full = services.map((service) => ({ unit: "web", kind: "web" as const, processes: 1, ...service }));
  return { name, appDir: "/srv/app", envFile: "/srv/env", services: full };
}

describe("waves", () => {
  for (const [count, maxUnavailable, waves] of [
    [1, 1, ["1"]],
    [3, 1, ["1", "2", "3"]],
    [6, 2, ["1", "2 3", "4 5", "6"]],
    [4, 9, ["1", "2 3 4"]],
    [0, 2, []],
  ] as const)
    it(`of ${count} hosts, ${maxUnavailable} at a time, begin with one alone: ${waves.join(", then ")}`, () => {
      const hosts = Array.from({ length: count }, (_, index) => host(String(index + 1)));
      deepEqual(
        planWaves(hosts, maxUnavailable).map((wave) => wave.map(({ name }) => name).join(" ")),
        waves,
      );
    });
});

describe("a restart without failed requests", () => {
  const rules: RestartSection = {
    maxUnavailable: 1,
    timeoutSeconds: 1,
    zeroFailures: true,
    drainTimeoutSeconds: 1,
  };
  const [drain, undrain] = [["drain"], ["undrain"]];
  for (const [what, services, more, gaps] of [
    ["is one behind a socket", [{ socket: "web.socket" }], {}, 0],
    ["is one with drain and undrain", [{}], { drain, undrain }, 0],
    ["is any of a worker", [{ kind: "worker" as const }], {}, 0],
    ["is none without both", [{}], {}, 1],
    ["is none with drain alone", [{}], { drain }, 1],
    ["counts each web service", [{}, { unit: "admin" }, { unit: "api", socket: "s" }], {}, 2],
  ] as const)
    it(what, () =>
      equal(restartGaps([host("h", [...services])], { ...rules, ...more } as RestartSection).length, gaps),
    );
});

describe("what a process says", () => {
  for (const [release, flag, wanted, holds] of [
    [SHA, true, { release: SHA, flag: true }, true],
    [SHA, false, { release: SHA, flag: true }, false],
    [SHA, null, { release: SHA, flag: true }, false],
    [SHA, null, { release: SHA, flag: false }, true],
    [SHA, null, { release: SHA, flag: null }, true],
    [SHA, true, { release: SHA, flag: null }, false],
    [SHA, null, { release: SHA, flag: true, unknownCounts: true }, true],
    [SHA, false, { release: SHA, flag: true, unknownCounts: true }, false],
    [OTHER, true, { release: SHA, flag: true }, false],
  ] as const)
    it(`flag ${flag} ${holds ? "is" : "is not"} ${JSON.stringify({ ...wanted, release: wanted.release === release })}`, () =>
      equal(isAsWanted({ release, flag }, wanted), holds));

  const at = new Date("2026-01-01T00:00:10Z");
  const now = Date.parse("2026-01-01T00:01:00Z");
  const said = (startedAt: string, pid = 7) => ({ pid, startedAt, release: SHA, flag: true });
  const wanted = { release: SHA, flag: true };
  const judge = (startedAt: string, before: string[] = []) =>
    judgeProcess(said(startedAt), wanted, { at, before: new Set(before) }, now);

  it("counts when it started after the restart, in the same second as well", () => {
    equal(judge("2026-01-01T00:00:10Z"), undefined);
    equal(judge("2026-01-01T00:00:11.5Z"), undefined);
  });

  it("does not when it started before, however well it says the rest, and its age is told", () => {
    const straggler = "pid 7 (60 s old) is a straggler: it runs since before the restart";
    equal(judge("2026-01-01T00:00:00Z"), straggler);
    match(judge("2026-01-01T00:00:10Z", ["7@2026-01-01T00:00:10Z"]) ?? "", /straggler/);
    match(judge("no time") ?? "", /of unknown age.*straggler/);
  });

  it("counts although its number was another's before: numbers are used again", () => {
    equal(judge("2026-01-01T00:00:12Z", ["7@2025-12-31T00:00:00Z"]), undefined);
  });
});

describe("a unit without a health address", () => {
  const at = new Date("2026-01-01T00:00:10Z");
  const unit = {
    unit: "beat",
    load: "loaded",
    active: "active",
    mainPid: 9,
    activeSince: "2026-01-01T00:00:10Z",
  };
  for (const [what, change, fault] of [
    ["counts when systemd started it since", {}, undefined],
    ["does not when it runs since before", { activeSince: "2026-01-01T00:00:09Z" }, /pid 9 is a straggler/],
    ["does not when it failed", { active: "failed", mainPid: 0 }, /systemd has it as failed/],
    ["does not when systemd does not know it", { load: "not-found" }, /systemd has it as not-found/],
  ] as const)
    it(what, () => {
      const { proofs, faults } = judgeUnit("h", { ...unit, ...change }, { at, before: new Set() });
      equal(proofs.length, fault ? 0 : 1);
      if (fault) match(faults.join(), fault);
      else equal(proofs[0]?.asked, false);
    });
});

describe("the time in which a host's units restart", () => {
  for (const [text, seconds] of [
    ["10s", 10],
    ["1min 30s", 90],
    ["1h 5min", 3900],
    ["1.5s", 1.5],
    ["500ms", 0.5],
    ["infinity", Number.POSITIVE_INFINITY],
    ["", undefined],
    ["soon", undefined],
    ["3 parsecs", undefined],
  ] as const)
    it(`goes by what systemd says of a stop: ${JSON.stringify(text)} is ${seconds} s`, () =>
      equal(parseSpan(text), seconds));

  for (const [what, units, seconds] of [
    ["is each unit's own stop, and the configured time for its start", [10, 600], 730],
    ["takes systemd's default where a unit does not say", [undefined], 150],
    ["is the step's deadline where a unit is never killed", [Number.POSITIVE_INFINITY, 10], 86_400],
  ] as const)
    it(what, () => {
      const states = units.map((stop) => (stop === undefined ? {} : { stopSeconds: stop }));
      equal(restartLimitMs(states, { timeoutSeconds: 60 }), seconds * 1000);
    });
});
