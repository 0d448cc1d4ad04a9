import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type pg from "pg";
import { parse } from "yaml";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { CanaryWatch } from "./canary-watch.ts";
import { Checkout, type Outcome } from "./checkout.ts";
import { RealTarget } from "./real-target.ts";

/** Keys of the committed file that speak of a machine which this one is not. */
const OF_THAT_MACHINE =
  /^deal-type-rollout:(dependencies|window|tests?|testSuite|outputs|notice|review|smoke)$/;

describe("a real stack, by the lines of Pulumi.production.yaml", function () {
  this.timeout(900_000);
  let shared: string;
  let target: RealTarget;
  let client: pg.Client;
  let clone: Checkout;
  let other: Checkout;
  let watch: CanaryWatch;
  let atStart: unknown;
  const outputs: string[] = [];
  const canaries: string[] = [];

  before(async () => {
    shared = mkdtempSync(join(tmpdir(), "rollout-shared-"));
    for (const name of ["state", "evidence", "backups"]) mkdirSync(join(shared, name));
    target = await RealTarget.make();
    client = await target.connect();
    atStart = await snapshotSchema(client);
    clone = await Checkout.make();
    other = await Checkout.make();
    for (const checkout of [clone, other]) {
      checkout.environment = {
        PULUMI_HOME: join(shared, "home"),
        PULUMI_CONFIG_PASSPHRASE: "a passphrase",
        STATE: join(shared, "state"),
        EVIDENCE: join(shared, "evidence"),
        BACKUPS: join(shared, "backups"),
        APP: target.app,
      };
    }
  });

  after(async () => {
    watch?.stop();
    await client?.end();
    await target?.dispose();
    await clone?.dispose();
    await other?.dispose();
    if (shared) rmSync(shared, { recursive: true, force: true });
  });

  /** A line of shell in a clone, with the toolchain on PATH as docs/toolchain.md says; `url` comes on stdin. */
  async function shell(checkout: Checkout, line: string, input = ""): Promise<Outcome> {
    const { exitCode, all } = await execa(
      "bash",
      ["-c", `eval "$(node bin/rollout.mjs env --stack production)" && ${line}`],
      { cwd: checkout.folder, env: checkout.environment, all: true, reject: false, input },
    );
    outputs.push(all);
    return { exitCode: exitCode ?? -1, output: all };
  }

  async function succeeds(checkout: Checkout, line: string, input?: string): Promise<string> {
    const { exitCode, output } = await shell(checkout, line, input);
    assert.equal(exitCode, 0, `${line}\n${output}`);
    return output;
  }

  async function refused(checkout: Checkout, line: string): Promise<string> {
    const { exitCode, output } = await shell(checkout, line);
    assert.notEqual(exitCode, 0, output);
    return output;
  }

  /** A new password of the database role, set in a clone as its user does: typed, so on no command line. */
  async function rotate(checkout: Checkout): Promise<void> {
    const url = await target.rotatePassword();
    canaries.push(new URL(url).password);
    watch?.stop();
    watch = new CanaryWatch(canaries);
    await succeeds(checkout, "pulumi config set --secret databaseUrl --stack production", url);
  }

  const backups = () => readdirSync(join(shared, "backups")).filter((name) => !name.startsWith("."));
  const pull = (name = "Pulumi.production.yaml") =>
    cpSync(join(clone.folder, name), join(other.folder, name));

  it("is made and configured by plain pulumi", async () => {
    const file = parse(readFileSync(join(clone.folder, "Pulumi.production.yaml"), "utf8")) as {
      config: object;
    };
    const strange = Object.keys(file.config).filter((key) => OF_THAT_MACHINE.test(key));
    await succeeds(
      clone,
      [
        "pulumi login file://$STATE",
        "pulumi stack init production",
        ...strange.map((key) => `pulumi config rm ${key} --stack production`),
        // Those processes run on another machine: here the application's own address is asked.
        ...[0, 1].map(
          (index) => `pulumi config rm --path 'hosts[0].services[${index}].health' --stack production`,
        ),
        // The application's tests of this machine: one, run by Node's own runner.
        ...["node", "--test", "--test-reporter=junit", "tests/engine/passing-suite.mjs"].map(
          (word, index) => `pulumi config set --path 'testSuite.command[${index}]' -- ${word}`,
        ),
        "pulumi config set --path evidence.url file:$EVIDENCE --stack production",
        "pulumi config set --path backup.url file:$BACKUPS --stack production",
        "pulumi config set --path app.url $APP --stack production",
      ].join(" && "),
    );
    assert.match(
      await refused(clone, "pulumi preview --stack production"),
      /for databaseUrl in Pulumi\.production\.yaml, got nothing\. Set it: pulumi config set --secret databaseUrl/,
    );
    await rotate(clone);
  });

  it("advances phase by phase, previewed first", async () => {
    await succeeds(clone, "pulumi preview --stack production");
    assert.deepEqual(await snapshotSchema(client), atStart);
    await succeeds(clone, "pulumi up --yes --stack production");
    cpSync(join(shared, "evidence"), join(shared, "older"), { recursive: true });
    await succeeds(clone, "pulumi config set phase 1 --stack production");
    assert.match(await succeeds(clone, "pulumi preview --stack production"), /undo afterwards would/);
    await succeeds(clone, "pulumi up --yes --stack production");
    const { rows } = await client.query("SELECT DISTINCT deal_type FROM deals ORDER BY 1");
    assert.deepEqual(
      rows.map(({ deal_type }) => deal_type),
      ["acquisition", "carveout", "divestiture"],
    );
  });

  it("is refused with evidence that is empty or an old copy: the database knows better", async () => {
    pull();
    await succeeds(other, "pulumi login file://$STATE");
    for (const [folder, phase, got] of [
      ["empty", 0, "0 records"],
      ["empty", 1, "0 records"],
      ["older", 1, "\\d+ records"],
    ] as const) {
      const output = await refused(
        other,
        `pulumi config set --path evidence.url file:${join(shared, folder)} --stack production && ` +
          `pulumi config set phase ${phase} --stack production && pulumi preview --stack production`,
      );
      assert.match(
        output,
        new RegExp(
          `evidence: expected record \\d+ .* known from the database, got ${got}: .* Point evidence.url at`,
        ),
      );
    }
  });

  it("says of an undo whose stored password was rotated away which command comes first", async () => {
    pull();
    const taken = backups();
    await rotate(other);
    const output = await refused(other, "pulumi destroy --yes --stack production");
    assert.match(
      output,
      /undo uses the password that the last up stored\. Where it was rotated since, these come first:/,
    );
    assert.match(output, /npx rollout up --stack production/);
    await succeeds(other, "npx rollout up --yes --stack production");
    assert.deepEqual(backups(), taken);
  });

  it("is destroyed in another clone, the rotated password brought in by `rollout destroy` itself", async () => {
    await rotate(other);
    const output = await succeeds(other, "npx rollout destroy --yes --stack production");
    assert.match(output, /the database URL has changed since the last up/);
    assert.deepEqual(await snapshotSchema(client), atStart);
  });

  it("leaves no password in any output, state, evidence, backup, report or command line", async () => {
    // The watch sees what it looks for: a process with a password on its command line.
    await execa(process.execPath, ["-e", "setTimeout(() => {}, 500)", canaries[0] as string]);
    watch.stop();
    assert.equal(watch.commandLines.size, 1, [...watch.commandLines].join("\n"));
    const { found, files } = watch.search(
      shared,
      join(clone.folder, "reports"),
      join(other.folder, "reports"),
    );
    assert.deepEqual(found, []);
    assert.ok(files > 50, `${files} files`);
    assert.deepEqual(
      outputs.filter((output) => watch.holds(output)),
      [],
    );
    assert.ok(watch.looked > 100, `${watch.looked} command lines`);
  });
});
