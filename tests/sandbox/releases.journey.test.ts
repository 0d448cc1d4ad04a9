import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";
import { RELEASES } from "../../sandbox/releases/releases.ts";
import { checkOutRelease, ensureRepository, type ReleaseShas } from "../../sandbox/releases/repository.ts";
import { makeCheckout } from "./checkout.ts";

describe("the app's releases", () => {
  let folder: string;
  let shas: ReleaseShas;
  const repository = () => join(folder, "repository");
  const release = (name: string) => join(folder, "releases", name);

  before(async () => {
    folder = makeCheckout();
    shas = await ensureRepository(repository());
    for (const { name } of RELEASES) await checkOutRelease(repository(), shas[name], release(name));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("are the same commits wherever and whenever they are made, whatever the user's git settings say", async () => {
    const home = join(folder, "home");
    mkdirSync(home);
    writeFileSync(
      join(home, ".gitconfig"),
      "[core]\nautocrlf = true\n[commit]\ngpgsign = true\n[user]\nname = x\n",
    );
    const before = { HOME: process.env.HOME, TZ: process.env.TZ };
    Object.assign(process.env, { HOME: home, TZ: "Asia/Tokyo" });
    try {
      assert.deepEqual(await ensureRepository(join(folder, "again")), shas);
    } finally {
      for (const [key, value] of Object.entries(before))
        if (value === undefined) delete process.env[key];
        else process.env[key] = value;
    }
  });

  it("are four commits in a line, each named by a tag", async () => {
    const { stdout } = await execa("git", ["--git-dir", repository(), "log", "--format=%H", "main"]);
    assert.deepEqual(stdout.split("\n"), RELEASES.map(({ name }) => shas[name]).reverse());
    const tag = await execa("git", ["--git-dir", repository(), "rev-parse", "feature"]);
    assert.equal(tag.stdout, shas.feature);
  });

  it("are the ones that Pulumi.sandbox.yaml pins", () => {
    const pinned = readFileSync(join(PROJECT_ROOT, "Pulumi.sandbox.yaml"), "utf8");
    for (const { name } of RELEASES) assert.match(pinned, new RegExp(`\\b${name}: ["']?${shas[name]}\\b`));
  });

  for (const { name } of RELEASES)
    it(`pass their own tests: ${name}`, async () => {
      const { all } = await execa("npm", ["test"], { cwd: release(name), all: true, reject: false });
      assert.match(all, /^# fail 0$/m, all);
      assert.match(all, /^# pass [1-9]\d*$/m, all);
    });

  for (const flag of ["true", "false"])
    it(`pass their own tests: feature with the flag ${flag}`, async () => {
      const options = {
        cwd: release("feature"),
        env: { DEAL_TYPE_AWARENESS: flag },
        all: true,
        reject: false,
      } as const;
      assert.match((await execa("npm", ["test"], options)).all, /^# fail 0$/m);
    });

  it("are sound as a whole: each release type-checks by itself", async () => {
    const config = {
      extends: join(PROJECT_ROOT, "tsconfig.json"),
      include: ["releases/**/*.ts"],
      exclude: [],
    };
    const compilerOptions = {
      rootDirs: [],
      types: ["node"],
      typeRoots: [join(PROJECT_ROOT, "node_modules/@types")],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ ...config, compilerOptions }));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    const tsc = await execa(join(PROJECT_ROOT, "node_modules/.bin/tsc"), ["-p", folder], {
      all: true,
      reject: false,
    });
    assert.equal(tsc.exitCode, 0, tsc.all);
  });

  it("mention the flag while there is one, and nowhere afterwards", () => {
    const mentions = (name: string) =>
      readdirSync(release(name), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .filter((path) => readFileSync(join(release(name), path), "utf8").includes("DEAL_TYPE_AWARENESS"));
    assert.ok(mentions("feature").includes("settings.ts"));
    assert.deepEqual(mentions("permanent"), []);
  });

  it("are refused by name when the repository has no such commit", async () => {
    const nowhere = "0".repeat(40);
    await assert.rejects(checkOutRelease(repository(), nowhere, release(nowhere)), {
      name: "StepError",
      message: /expected git .* got: .*0000/s,
    });
    assert.ok(
      !readdirSync(join(folder, "releases")).some((entry) => entry.includes("0000") || entry.startsWith(".")),
    );
  });
});
