import { deepEqual, equal, match } from "node:assert/strict";
import type { ProcessHealth } from "../../hosts/health-answer.ts";
import type { Environ, RunningProcess } from "../../hosts/host-run.ts";
import {
  describeProofs,
  isAsWanted,
  type Judging,
  judgeProcess,
  type ProcessProof,
  resolveRelease,
} from "../../hosts/process-proof.ts";

const SHA = "a".repeat(40);
const OTHER = "b".repeat(40);
const AT = new Date("2026-01-01T00:00:10Z");

const judging = (more: Partial<Judging> = {}): Judging => ({
  ...{ host: "h", unit: "web", wanted: { release: SHA, flag: true }, known: [SHA, OTHER] },
  ...{ place: { backend: "env-file", variable: "FLAG" }, readsEnvFile: true },
  at: new Date("2026-01-01T00:01:00Z"),
  ...more,
});

const running = (more: Partial<RunningProcess> = {}): RunningProcess => ({
  ...{ pid: 7, key: "7@100", startedAt: "2026-01-01T00:00:12.000Z", ageSeconds: 48, visible: true },
  ...{ releases: [SHA], environ: { state: "value", text: "true" } },
  ...more,
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

  const said = (more: Partial<ProcessHealth> = {}): ProcessHealth => ({
    ...{ pid: 7, startedAt: "2026-01-01T00:00:12Z", release: SHA, flag: true },
    ...more,
  });
  const faultOf = (startedAt: string, before: string[] = []) =>
    judgeProcess({ said: said({ startedAt }) }, judging({ restarted: { at: AT, before: new Set(before) } }))
      .fault;

  it("counts when it started after the restart, in the same second as well", () => {
    equal(faultOf("2026-01-01T00:00:10Z"), undefined);
    equal(faultOf("2026-01-01T00:00:11.5Z"), undefined);
  });

  it("does not when it started before, however well it says the rest, and its age is told", () => {
    const straggler = "pid 7 (60 s old) is a straggler: it runs since before the restart";
    equal(faultOf("2026-01-01T00:00:00Z"), straggler);
    match(faultOf("2026-01-01T00:00:10Z", ["7@2026-01-01T00:00:10Z"]) ?? "", /straggler/);
  });

  it("counts although its number was another's before: numbers are used again", () =>
    equal(faultOf("2026-01-01T00:00:12Z", ["7@2025-12-31T00:00:00Z"]), undefined));

  it("does not when the kernel has it since before the restart, whatever time it says", () => {
    const restarted = { at: AT, before: new Set<string>() };
    const old = running({ startedAt: "2026-01-01T00:00:09.000Z" });
    match(judgeProcess({ said: said(), running: old }, judging({ restarted })).fault ?? "", /straggler/);
    const known = { at: AT, before: new Set(["7@100"]) };
    match(
      judgeProcess({ said: said(), running: running() }, judging({ restarted: known })).fault ?? "",
      /straggler/,
    );
  });

  it("counts when the kernel has it since after the restart, although it says an earlier time", () => {
    const restarted = { at: AT, before: new Set<string>() };
    const early = said({ startedAt: "2025-12-31T22:00:12Z" });
    equal(judgeProcess({ said: early, running: running() }, judging({ restarted })).fault, undefined);
    match(judgeProcess({ said: early }, judging({ restarted })).fault ?? "", /straggler/);
  });

  it("is no proof when nobody knows when it began", () => {
    const { startedAt: _, ...timeless } = said();
    const restarted = { at: AT, before: new Set<string>() };
    match(judgeProcess({ said: timeless }, judging({ restarted })).fault ?? "", /does not say when it began/);
    equal(judgeProcess({ said: timeless, running: running() }, judging({ restarted })).fault, undefined);
  });

  it("is proven by the host where it does not say all of it, and that is called so", () => {
    const { flag: _, ...withoutFlag } = said();
    const { proof, fault } = judgeProcess({ said: withoutFlag, running: running() }, judging());
    deepEqual([fault, proof.by, proof.flag, proof.release], [undefined, "process", true, SHA]);
    const alone = judgeProcess({ said: withoutFlag }, judging()).proof;
    deepEqual([alone.flag, alone.reason?.startsWith("flag unknown:")], ["unknown", true]);
  });
});

describe("a commit that a process says", () => {
  const near = `${"a".repeat(9)}${"c".repeat(31)}`;
  for (const [said, known, meant] of [
    [SHA, [SHA, OTHER], SHA],
    ["aaaaaaa", [SHA, OTHER], SHA],
    ["AAAAAAAAAA", [SHA, OTHER], SHA],
    ["v2.3-14-gbbbbbbb", [SHA, OTHER], OTHER],
    ["aaaaaa", [SHA], "aaaaaa"],
    ["aaaaaaa", [SHA, near], "aaaaaaa"],
    ["aaaaaaaaac", [SHA, near], near],
    ["ccccccc", [SHA], "ccccccc"],
    ["main", [SHA], "main"],
  ] as const)
    it(`${said.slice(0, 18)} of ${known.length} is ${meant === said ? "just what it says" : meant.slice(0, 12)}`, () =>
      equal(resolveRelease(said, known), meant));
});

describe("what the host sees of a process", () => {
  const handed = { place: { backend: "env-file" as const, variable: "FLAG" }, readsEnvFile: true };
  const cases: [string, Environ, Partial<Judging>, unknown, RegExp | undefined][] = [
    ["a flag in its environment", { state: "value", text: "on" }, handed, true, undefined],
    [
      "no flag where none is wanted",
      { state: "absent" },
      { wanted: { release: SHA, flag: null } },
      null,
      undefined,
    ],
    [
      "no flag although it is wanted",
      { state: "absent" },
      handed,
      "unknown",
      /has no FLAG: it may read FLAG itself/,
    ],
    [
      "no flag where systemd does not hand it the file",
      { state: "absent" },
      { readsEnvFile: false, wanted: { release: SHA, flag: null } },
      "unknown",
      /load_dotenv/,
    ],
    [
      "another flag where it reads the file itself",
      { state: "value", text: "false" },
      { readsEnvFile: false },
      "unknown",
      /does not hand it the environment file/,
    ],
    [
      "the wanted flag there, whoever reads it",
      { state: "value", text: "1" },
      { readsEnvFile: false },
      true,
      undefined,
    ],
    ["a title over its environment", { state: "overwritten" }, handed, "unknown", /was overwritten/],
    ["nothing left of its environment", { state: "empty" }, handed, "unknown", /was overwritten/],
    [
      "another user's environment",
      { state: "unreadable" },
      handed,
      "unknown",
      /by its own user and root alone/,
    ],
    ["two values", { state: "twice" }, handed, "unknown", /two values/],
    ["a flag that is neither", { state: "value", text: "maybe" }, handed, "unknown", /neither on nor off/],
  ];
  for (const [what, environ, more, flag, reason] of cases)
    it(`tells ${what}: ${flag}`, () => {
      const { proof, fault } = judgeProcess({ running: running({ environ }) }, judging(more));
      deepEqual([fault, proof.flag, proof.by], [undefined, flag, "process"]);
      if (reason) match(proof.reason ?? "", reason);
      else equal(proof.reason, undefined);
    });

  it("is a straggler with another flag or release, and never for what is unknown", () => {
    const wrong = judgeProcess({ running: running({ environ: { state: "value", text: "off" } }) }, judging());
    match(wrong.fault ?? "", /straggler: the host sees release a{12}, flag off; wanted are a{12}, on/);
    match(judgeProcess({ running: running({ releases: [OTHER] }) }, judging()).fault ?? "", /release b{12}/);
    for (const [releases, visible, reason] of [
      [[], true, /outside of releases/],
      [[], false, /its own user and root alone/],
      [[SHA, OTHER], true, /works in a+ and in b+/],
    ] as const) {
      const { proof, fault } = judgeProcess(
        { running: running({ releases: [...releases], visible }) },
        judging(),
      );
      deepEqual([fault, proof.release], [undefined, "unknown"]);
      match(proof.reason ?? "", reason);
    }
  });

  it("is told from what the processes say themselves", () => {
    const { proof } = judgeProcess({ running: running({ environ: { state: "empty" } }) }, judging());
    const asked: ProcessProof = { ...proof, by: "health", flag: true, release: SHA };
    const { wanted } = judging();
    equal(describeProofs([asked, asked], wanted), "2 processes say release aaaaaaaaaaaa, flag on");
    match(
      describeProofs([asked, proof], wanted),
      /^1 process says release a{12}, flag on; 1 process by the host's look at it \(weaker\): flag of 1 unknown \(.*overwritten/,
    );
  });
});
