import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { temporaryFolder } from "../temporary-folder.ts";

const node = promisify(execFile);

describe("bundle of the program", () => {
  /** A checkout of three sources: `index.ts` prints what `part.ts` says. */
  function makeCheckout(): string {
    const folder = temporaryFolder();
    for (const name of ["typescript.mjs", "program.mjs", "paths.mjs"])
      cpSync(join("bin", name), join(folder, "bin", name));
    mkdirSync(join(folder, "node_modules"));
    for (const name of ["esbuild", "@esbuild"])
      cpSync(join("node_modules", name), join(folder, "node_modules", name), { recursive: true });
    for (const name of ["steps", "cli"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "main.ts"), "export {};\n");
    }
    writeFileSync(join(folder, "package-lock.json"), "{}\n");
    writeFileSync(
      join(folder, "index.ts"),
      'import { said } from "./part.ts";\nconsole.log(said);\nexport default 1;\n',
    );
    say(folder, '"one"');
    return folder;
  }

  const say = (folder: string, what: string) =>
    writeFileSync(join(folder, "part.ts"), `export const said: string = ${what};\n`);
  const run = async (folder: string) =>
    (await node(process.execPath, [join(folder, "bin/program.mjs")])).stdout.trim();
  const bundles = (folder: string) =>
    readdirSync(join(folder, ".rollout/program")).filter((name) => name !== "current.json");

  it("is made once, and again when a source has changed", async () => {
    const folder = makeCheckout();
    assert.equal(await run(folder), "one");
    assert.equal(await run(folder), "one");
    assert.equal(bundles(folder).length, 1);
    say(folder, '"two"');
    assert.equal(await run(folder), "two");
    say(folder, '"one"');
    assert.equal(await run(folder), "one");
    assert.equal(bundles(folder).length, 2);
  });

  it("follows an import to another file, and refuses one that is gone", async () => {
    const folder = makeCheckout();
    await run(folder);
    writeFileSync(join(folder, "other.ts"), 'export const said = "other";\n');
    writeFileSync(
      join(folder, "index.ts"),
      'import { said } from "./other.ts";\nconsole.log(said);\nexport default 1;\n',
    );
    assert.equal(await run(folder), "other");
    rmSync(join(folder, "other.ts"));
    await assert.rejects(run(folder), /Could not resolve "\.\/other\.ts"/);
  });

  it("has dependencies in it, CommonJS ones too, and is not made again for them", async () => {
    const folder = makeCheckout();
    const dependency = join(folder, "node_modules/said");
    mkdirSync(dependency);
    writeFileSync(join(dependency, "index.js"), 'exports.said = require("node:path").basename("/x/said");\n');
    writeFileSync(
      join(folder, "index.ts"),
      'import { said } from "said";\nconsole.log(said);\nexport default 1;\n',
    );
    assert.equal(await run(folder), "said");
    rmSync(dependency, { recursive: true });
    assert.equal(await run(folder), "said");
  });

  it("gives a source its own address", async () => {
    const folder = makeCheckout();
    say(folder, "import.meta.url");
    assert.equal(await run(folder), `file://${join(folder, "part.ts")}`);
  });

  it("is whole for everyone when many find it stale at once", async () => {
    const folder = makeCheckout();
    const all = await Promise.all(Array.from({ length: 6 }, () => run(folder)));
    assert.deepEqual(all, Array(6).fill("one"));
    assert.equal(bundles(folder).length, 1);
  });

  it("keeps the bundle that a running step may still import from, and removes it after 30 days", async () => {
    const folder = makeCheckout();
    await run(folder);
    const [first = ""] = bundles(folder);
    say(folder, '"two"');
    await run(folder);
    assert.ok(bundles(folder).includes(first));
    const days = Date.now() / 1000 - 31 * 24 * 3600;
    utimesSync(join(folder, ".rollout/program", first), days, days);
    say(folder, '"three"');
    await run(folder);
    assert.equal(bundles(folder).length, 2);
    assert.ok(!bundles(folder).includes(first));
  });
});

describe("what of the program is loaded only when it is needed", () => {
  it("can be loaded from the bundle: each step, with all that it asks for", async () => {
    // Without a spec the step ends at once, with its bundle made.
    const step = node(process.execPath, ["bin/step.mjs", "guard", "observe"]);
    step.child.stdin?.end();
    await step.catch(() => {});
    const { digest } = JSON.parse(readFileSync(".rollout/program/current.json", "utf8"));
    const folder = join(".rollout/program", digest);
    // The entry of a step's process would run one.
    const parts = readdirSync(folder).filter(
      (name) => /-[A-Z0-9]{8}\.mjs$/.test(name) && !name.startsWith("main-"),
    );
    assert.ok(parts.length > 40, `expected the program in parts, got ${parts.length}`);
    const load = `for (const part of ${JSON.stringify(parts)})
      await import(${JSON.stringify(pathToFileURL(folder).href)} + "/" + part).catch((error) => {
        console.error(part, error.message);
      });
    process.exit();`;
    const { stderr } = await node(process.execPath, ["--input-type=module", "-e", load]);
    assert.equal(stderr, "");
  }).timeout(60_000);
});
