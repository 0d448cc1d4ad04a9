import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { ConfigError, loadConfig, loadSettings } from "../../config/load.ts";
import type { SandboxTarget } from "../../config/target-values.ts";
import { StepError } from "../../errors/step-error.ts";
import { validValues, withInner } from "./valid-values.ts";

const noSandbox = () => undefined;

const runningSandbox: SandboxTarget = {
  database: "postgres://owner:pw@127.0.0.1:5555/diligence",
  app: "http://127.0.0.1:8080",
  hosts: [
    {
      name: "sandbox-1",
      appDir: "/s",
      envFile: "/s/.env",
      services: [{ unit: "web", kind: "web", processes: 2 }],
    },
  ],
};

const sandboxValues = (changed: Record<string, unknown> = {}) =>
  validValues({
    environment: "sandbox",
    databaseUrl: undefined,
    hosts: undefined,
    app: undefined,
    ...changed,
  });

function refusal(
  changed: Record<string, unknown>,
  sandbox: () => SandboxTarget | undefined = noSandbox,
): string {
  try {
    loadConfig({ values: validValues(changed), stack: "prod", sandbox });
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

describe("loadConfig", () => {
  it("reads what Pulumi hands over as text and fills in every default", () => {
    const config = loadConfig({ values: validValues({ flag: "false" }), stack: "prod", sandbox: noSandbox });
    equal(config.phase, 1);
    equal(config.flag, false);
    equal(config.observe, true);
    equal(config.flagVariable, "DEAL_TYPE_AWARENESS");
    deepEqual(config.migration, {
      strategy: "online",
      batchSize: 1000,
      connections: 2,
      lockTimeoutMs: 50,
      appTriggers: "refuse",
      journalReplication: "refuse",
      reaffirmed: "keep",
    });
    deepEqual(config.backup, { url: "file:backups/prod", method: "logical", jobs: 2 });
    deepEqual(config.evidence, { url: "file:evidence/prod" });
    equal(config.change.schema, "public");
    deepEqual(config.dependencies, []);
    equal(config.stack, "prod");
  });

  it("throws an error that a person can mend, without a stack trace", () => {
    throws(
      () => loadConfig({ values: {}, stack: "prod", sandbox: noSandbox }),
      (error) => {
        return error instanceof ConfigError && error instanceof StepError && error.faults.length > 3;
      },
    );
  });

  it("refuses an unknown key by the nearest known name, and does not show its value: it may be a misspelt secret", () => {
    const message = refusal({ databaseURL: "postgres://u:canary@h/d" });
    match(
      message,
      /^config: expected one of the known keys \(environment, .*\), got databaseURL in Pulumi\.prod\.yaml\./,
    );
    match(message, /Did you mean databaseUrl\? Remove it: pulumi config rm databaseURL --stack prod$/);
    equal(message.includes("canary"), false);
  });

  it("refuses unknown keys in every section by their path", () => {
    for (const [key, path, near] of [
      ["change", ["colum"], "change.column"],
      ["change", ["normalise", "whenNul"], "change.normalise.whenNull"],
      ["migration", ["lockTimeout"], "migration.lockTimeoutMs"],
      ["backup", ["job"], "backup.jobs"],
      ["evidence", ["uri"], "evidence.url"],
      ["releases", ["features"], "releases.feature"],
      ["hosts", [0, "envfile"], "hosts[0].envFile"],
      ["hosts", [0, "services", 0, "healt"], "hosts[0].services[0].health"],
      ["app", ["urls"], "app.url"],
      ["dependencies", [0, "minimun"], "dependencies[0].minimum"],
    ] as const) {
      const message = refusal(withInner(key, [...path], "x"));
      equal(/Did you mean (\S+)\?/.exec(message)?.[1], near, message);
    }
  });

  it("makes no guess where no known name is near, nor for names of JavaScript itself", () => {
    for (const name of ["wholly-different", "__proto__", "constructor", "x".repeat(10_000), "ünïcødé"]) {
      const message = refusal(JSON.parse(`{${JSON.stringify(name)}: "1"}`));
      match(message, /^config: expected one of the known keys/);
      equal(message.includes("Did you mean"), false, message);
    }
  });

  it("names each section that phase 2 needs and the config lacks", () => {
    const lines = refusal({ phase: "2", testSuite: undefined }).split("\n");
    for (const key of ["deployment", "testSuite", "shadow", "smokeTest"])
      ok(
        lines.some((line) => line.startsWith(`config: expected ${key} in Pulumi.prod.yaml for phase 2`)),
        key,
      );
  });

  it("refuses by name what else is not built yet", () => {
    const built = "is not built yet.";
    const hosts = withInner("hosts", [0, "connection"], { host: "10.0.0.1" });
    equal(
      refusal(hosts),
      `config: the remote connection of host web-1 in Pulumi.prod.yaml ${built} Remove it: pulumi config rm --path 'hosts[0].connection' --stack prod`,
    );
    equal(
      refusal(withInner("evidence", ["url"], "s3://bucket/evidence")),
      `config: an s3: URL (evidence.url) in Pulumi.prod.yaml ${built} Set it: pulumi config set --path evidence.url file:evidence/prod --stack prod`,
    );
  });

  it("refuses flag false at phase 4, where the flag is gone from the code", () => {
    match(
      refusal({ phase: "4", flag: "false" }),
      /expected flag true at phase 4 .* Lower to 3 first: pulumi config set phase 3/,
    );
  });

  it("refuses two hosts of one name, a unit twice on a host, and one folder for backups and evidence", () => {
    const [host] = JSON.parse(String(validValues().hosts));
    match(
      refusal({ hosts: [host, host] }),
      /expected a name no other host has for hosts\[1\]\.name .* got "web-1"/,
    );
    const twice = { ...host, services: [host.services[0], host.services[0]] };
    match(
      refusal({ hosts: [twice] }),
      /expected each unit once on a host for hosts\[0\]\.services\[1\]\.unit/,
    );
    const both = { backup: { url: "file:./store" }, evidence: { url: "file:store" } };
    match(refusal(both), /expected another folder than evidence\.url for backup\.url/);
  });

  it("refuses a spelling that is an allowed value already", () => {
    const changed = withInner("change", ["normalise", "spellings"], { carveout: "acquisition" });
    match(
      refusal(changed),
      /expected an old spelling, not a value that change\.allowed lists for change\.normalise\.spellings\.carveout/,
    );
  });
});

describe("the target of environment sandbox", () => {
  it("comes from the running sandbox", () => {
    const config = loadConfig({ values: sandboxValues(), stack: "sandbox", sandbox: () => runningSandbox });
    equal(config.databaseUrl, runningSandbox.database);
    deepEqual(config.hosts, runningSandbox.hosts);
    deepEqual(config.app, { url: runningSandbox.app });
  });

  it("is refused with the way to start it when the sandbox does not run", () => {
    throws(
      () => loadConfig({ values: sandboxValues(), stack: "sandbox", sandbox: noSandbox }),
      (error: Error) =>
        error.message ===
        "config: expected a running sandbox for environment sandbox, got no description in .sandbox/sandbox.json. " +
          "Start it: npx rollout sandbox up",
    );
  });

  it("is told, not thrown, to those who work without it", () => {
    const read = loadSettings({ values: sandboxValues(), stack: "sandbox", sandbox: noSandbox });
    equal(read.settings.phase, 1);
    equal(read.config, undefined);
    equal(read.targetFaults.length, 1);
  });

  it("does not mix with a real one: a production file with another environment reaches no database", () => {
    const message = refusal({ environment: "sandbox" }, () => runningSandbox);
    for (const key of ["databaseUrl", "hosts", "app"]) {
      match(
        message,
        new RegExp(
          `expected no ${key} for environment sandbox in Pulumi\\.prod\\.yaml, which brings its own, got one\\. Remove it: pulumi config rm ${key} --stack prod`,
        ),
      );
    }
    equal(message.includes("canary"), false);
  });

  it("refuses a database URL that is kept in plain text, without showing it", () => {
    const load = (secrets: string[]) =>
      loadConfig({ values: validValues(), secrets, stack: "prod", sandbox: noSandbox });
    equal(load(["databaseUrl"]).environment, "production");
    throws(
      () => load([]),
      (error: Error) =>
        /got plain text in Pulumi\.prod\.yaml\. .*config set --secret databaseUrl/.test(error.message) &&
        !error.message.includes("canary-password"),
    );
  });
});
