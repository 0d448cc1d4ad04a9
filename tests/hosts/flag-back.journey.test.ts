import { deepEqual, equal, match, notEqual, rejects } from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { HostError } from "../../hosts/host-shell.ts";
import { linkCurrent, putProgram } from "./host-fixture.ts";
import { setUpSteps } from "./phase-steps.ts";
import type { Declared, HostRollout } from "./rollout-fixture.ts";

/** Environment files as they were before the rollout; null for none. */
const FILES: [what: string, text: string | null][] = [
  ["a reference to another variable", `FEATURES=false\nFLAG=\${FEATURES}\n`],
  ["a reference that no file sets", `FLAG=\${FEATURES:-off}\nA=1`],
  ["quotes inside quotes", "FLAG='it\"s'\nA='x'\n"],
  ["a value over several lines", 'A=1\nFLAG="on\n# FLAG=x\n$no`pe"\nB=2\n'],
  ["a backslash", 'FLAG="a\\\\b" # \\\nA=1\n'],
  ["CRLF and no final line end", "A=1\r\nFLAG=no\r\nB=2"],
  ["the flag last, without a line end", "A=1\nFLAG=no"],
  ["a byte order mark", "\u00ef\u00bb\u00bfFLAG=no\nA=1\n"],
  ["duplicates", "FLAG=1\nA=1\n\nexport FLAG='0'  # off\nB=2\nFLAG = maybe\n\n"],
  ["a comment with the flag's name", "# FLAG=true for the pilot\n#FLAG=\nA=1\n"],
  ["only blanks", "\n\n  \n"],
  ["nothing in it", ""],
  ["no file", null],
];

const write = (path: string, text: string) => writeFileSync(path, text, "latin1");
const read = (path: string) => (existsSync(path) ? readFileSync(path, "latin1") : null);

describe("the way back of the flag", function () {
  this.timeout(60_000);

  for (const [what, text] of FILES)
    it(`gives back ${what}, byte for byte, however often the flag was flipped`, async () => {
      const { run, envFlag, hosts } = setUpSteps();
      const [file = ""] = hosts.map(({ envFile }) => envFile);
      if (text === null) rmSync(file);
      else write(file, text);
      if (text !== null) chmodSync(file, 0o640);
      await run.apply(envFlag);
      await run.apply({ ...envFlag, fields: { ...envFlag.fields, value: false } });
      await run.undo(envFlag);
      equal(read(file), text);
      if (text !== null) equal(statSync(file).mode & 0o777, 0o640);
      deepEqual(
        readdirSync(join(hosts[0]?.folder ?? "")).filter((name) => name.startsWith(".")),
        [],
      );
    });

  it("leaves what operators wrote since, on lines of their own", async () => {
    const { run, envFlag, hosts } = setUpSteps();
    const [file = ""] = hosts.map(({ envFile }) => envFile);
    write(file, `SECRET=1\nFLAG=\${FEATURES}\nLAST=1`);
    await run.apply(envFlag);
    write(file, `${read(file)?.replace("SECRET=1", "SECRET=2")}\nDEBUG_SQL=1\n`);
    await run.undo(envFlag);
    equal(read(file), `SECRET=2\nFLAG=\${FEATURES}\nLAST=1\nDEBUG_SQL=1\n`);
  });

  it("lets an operator's line stand on its own after a flag that was added without a final line end", async () => {
    const { run, envFlag, hosts } = setUpSteps();
    const [file = ""] = hosts.map(({ envFile }) => envFile);
    write(file, "A=1");
    await run.apply(envFlag);
    write(file, `${read(file)}DEBUG_SQL=1\n`);
    await run.apply({ ...envFlag, fields: { ...envFlag.fields, value: false } });
    equal(read(file), "A=1\nFLAG=false\nDEBUG_SQL=1\n");
    await run.undo(envFlag);
    equal(read(file), "A=1\nDEBUG_SQL=1\n");
  });

  it("keeps links links: one to a file that was there, and one to none", async () => {
    const { run, envFlag, hosts } = setUpSteps();
    const [there = "", none = ""] = hosts.map(({ envFile }) => envFile);
    for (const file of [there, none]) rmSync(file);
    write(`${there}.real`, "FLAG=$x\n");
    symlinkSync("diligence.env.real", there);
    symlinkSync("diligence.env.real", none);
    await run.apply(envFlag);
    await run.undo(envFlag);
    for (const file of [there, none]) equal(lstatSync(file).isSymbolicLink(), true);
    equal(read(`${there}.real`), "FLAG=$x\n");
    equal(existsSync(`${none}.real`), false);
  });

  it("is gone by the other hosts when one's file is broken, and that one is named with the remedy", async () => {
    for (const [breakHost, reason] of [
      [
        (file: string) => {
          rmSync(file);
          mkdirSync(file);
        },
        /expected a file at .* on host-b, got something else/,
      ],
      [
        (_: string, appDir: string) => {
          const folder = join(appDir, ".rollout/before");
          for (const name of readdirSync(folder)) write(join(folder, name), "{");
        },
        /expected the record .*before\/code-deployment\.env-flag\.\d+ on host-b as this program writes it, got something else\. Put back by hand/,
      ],
      [
        (_: string, appDir: string) => {
          const folder = join(appDir, ".rollout/before");
          for (const name of readdirSync(folder))
            write(join(folder, name), '{"before": "false", "left": []}');
        },
        /expected the record/,
      ],
    ] as const) {
      const { run, envFlag, hosts } = setUpSteps();
      const [a = "", b = ""] = hosts.map(({ envFile }) => envFile);
      write(a, `FLAG=\${X}\n`);
      await run.apply(envFlag);
      breakHost(b, hosts[1]?.appDir ?? "");
      const { summary, kept } = await run.undo(envFlag);
      match(summary, /^set FLAG back on 1 hosts \(left: host-b\)$/);
      match(kept.map(({ subject, reason: why }) => `${subject}: ${why}`).join(), /^host-b: left as it is: /);
      match(kept[0]?.reason ?? "", reason);
      equal(read(a), `FLAG=\${X}\n`);
    }
  });

  it("takes a fault that nobody thought of for that host's own", async () => {
    const { run, envFlag, flags } = setUpSteps();
    const before = flags();
    await run.apply(envFlag);
    const { shell } = run;
    run.shell = {
      run: async (host, ...rest) => {
        if (host.name === "host-a") throw new TypeError("x is not a function");
        return shell.run(host, ...rest);
      },
    };
    const { kept } = await run.undo(envFlag);
    match(kept[0]?.reason ?? "", /expected the work on host-a to come to its end, got x is not a function/);
    equal(flags()[1], before[1]);
  });

  it("knows what was there before wherever a try, and the flip after it, died between two scripts", async function () {
    this.timeout(300_000);
    const odd = "A=1\nexport FLAG='no' # why\nB=2";
    for (let count = 1, dies = true; dies; count += 1) {
      const { run, envFlag, declared, hosts } = setUpSteps();
      const file = hosts[0]?.envFile ?? "";
      write(file, odd);
      const set = (value: boolean) => ({
        ...envFlag,
        fields: { ...envFlag.fields, value, hosts: [declared[0]] },
      });
      dies = await run.dyingAfter(count, () => run.apply(set(true)));
      dies = (await run.dyingAfter(count, () => run.apply(set(false)))) || dies;
      await run.apply(set(true));
      match(read(file) ?? "", /^export FLAG='true' # why$/m);
      await run.undo(set(true));
      equal(read(file), odd, `${count} scripts`);
    }
  });

  describe("after a first try that failed", () => {
    /** Applies it while the second host's own change fails. */
    async function failOnSecond(run: HostRollout, step: Declared, script: string) {
      const { shell } = run;
      run.shell = {
        run: (host, what, options) => {
          if (host.name === "host-b" && what.name === script)
            throw new HostError(script, "host-b", "it is out");
          return shell.run(host, what, options);
        },
      };
      await rejects(run.apply(step), /1 that are not/);
      run.shell = shell;
    }

    /** The first host is done, the second one is not; then somebody does this to the first; then all goes well. */
    async function twoTries(between: (file: string) => void, before = "A=1\nFLAG=false\n") {
      const { run, envFlag, hosts } = setUpSteps();
      const file = hosts[0]?.envFile ?? "";
      write(file, before);
      await failOnSecond(run, envFlag, "file-write");
      between(file);
      await run.apply(envFlag);
      await run.undo(envFlag);
      return read(file);
    }

    for (const [promise, between, after] of [
      ["brings no line back that the operator took out", "A=1\n", "A=1\n"],
      ["brings back what the operator set instead", "A=1\nFLAG='0'\n", "A=1\nFLAG='0'\n"],
      ["brings the first line back where nobody changed it", undefined, "A=1\nFLAG=false\n"],
      ["brings it back also where other lines were changed", "B=2\nFLAG=true\n", "B=2\nFLAG=false\n"],
    ] as const)
      it(promise, async () => {
        const edit = (file: string) => (between === undefined ? undefined : write(file, between));
        equal(await twoTries(edit), after);
      });

    it("points current back at what the second try saw", async () => {
      const { run, releaseSwitch, baseline, next, hosts, current, release } = setUpSteps();
      const [host] = hosts;
      await run.apply(release);
      await run.apply({ ...release, name: "hotfix", fields: { ...release.fields, sha: next } });
      await failOnSecond(run, releaseSwitch, "release-switch");
      notEqual(current()[0], baseline);
      if (host) linkCurrent(host, next);
      linkCurrent(hosts[1] as NonNullable<typeof host>, next);
      const corrected = { ...releaseSwitch, fields: { ...releaseSwitch.fields, from: next } };
      await run.apply(corrected);
      await run.undo(corrected);
      deepEqual(current(), [next, next]);
      equal(current().includes(baseline), false);
    });
  });
});

describe("the way back of drop-ins", function () {
  this.timeout(60_000);

  /** A host with these units, and our drop-in of each as somebody had it before; null for none. */
  function hostWithUnits(files: Record<string, string | null>) {
    const { run, envFlag, hosts, declared } = setUpSteps();
    const [host] = hosts;
    const folder = host?.folder ?? "";
    const names = Object.keys(files);
    const show = names.map(() => `FragmentPath=${folder}/units/x.service`).join("\\n\\n");
    putProgram({ folder }, "systemctl", `#!/bin/sh\n[ "$1" != show ] || printf '${show}\\n'\n`);
    const path = (unit: string) => join(folder, `units/${unit}.service.d/deal-type-rollout.conf`);
    for (const [unit, text] of Object.entries(files))
      if (text !== null) {
        mkdirSync(join(path(unit), ".."), { recursive: true });
        write(path(unit), text);
        chmodSync(path(unit), 0o640);
      }
    const services = names.map((unit) => ({ unit, kind: "web", processes: 1 }));
    const fields = {
      ...envFlag.fields,
      backend: "systemd-drop-in",
      hosts: [{ ...(declared[0] as object), services }],
    };
    const now = () => Object.fromEntries(names.map((unit) => [unit, read(path(unit))]));
    return { run, step: { ...envFlag, fields } as Declared, now, path };
  }

  const set = (value: string) => `[Service]\nEnvironment=FLAG=${value}\n`;
  for (const [what, files] of [
    ["one of two has one", { web: set("false"), worker: null }],
    [
      "they differ",
      { web: set("false"), worker: `# ours\n[Service]\nEnvironment="FLAG=1" "B=2"\r\n`, beat: null },
    ],
    [
      "one says nothing of the flag",
      { web: "[Service]\nNice=5\n", worker: set("web: false, worker: not set") },
    ],
    ["none has one", { web: null, worker: null }],
  ] as [string, Record<string, string | null>][])
    it(`gives each unit its own back where ${what}, byte for byte`, async () => {
      const { run, step, now, path } = hostWithUnits(files);
      await run.apply(step);
      for (const text of Object.values(now())) match(text ?? "", /Environment="FLAG=true"/);
      match((await run.undo(step)).summary, /on 1 hosts$/);
      deepEqual(now(), files);
      for (const [unit, text] of Object.entries(files))
        if (text !== null) equal(statSync(path(unit)).mode & 0o777, 0o640);
    });

  it("takes no text that was written for people for data, whoever reads it", async () => {
    const { run, step, now } = hostWithUnits({ web: set("false"), worker: null });
    const { before } = await run.apply(step);
    deepEqual(before, { "host-a": { web: "false", worker: null } });
    await run.undo(step);
    equal(JSON.stringify(now()).includes("not set"), false);
  });

  it("sets what an earlier phase still wants, and then gives back what was there before that", async () => {
    const files = { web: set("false"), worker: null };
    const { run, step, now } = hostWithUnits(files);
    const gone = { ...step, phase: "validation", fields: { ...step.fields, value: null } };
    await run.apply(step);
    const on = now();
    await run.apply(gone);
    deepEqual(now(), { web: null, worker: null });
    await run.undo(gone);
    deepEqual(now(), on);
    await run.undo(step);
    deepEqual(now(), files);
  });
});
