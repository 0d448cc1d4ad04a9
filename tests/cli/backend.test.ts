import { deepEqual, doesNotThrow, match, throws } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertBackend } from "../../cli/backend.ts";
import { nameStack } from "../../cli/hand-over.ts";
import { findBorrowedBackend } from "../../rollout/own-backend.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("a real stack's backend", () => {
  const saved = { ...process.env };
  const NAMES = ["PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CREDENTIALS_PATH", "PULUMI_HOME"];
  beforeEach(() => {
    for (const name of NAMES) delete process.env[name];
    process.env.PULUMI_HOME = temporaryFolder("home");
  });
  afterEach(() => {
    for (const name of NAMES) delete process.env[name];
    Object.assign(process.env, saved);
  });

  it("that nobody chose is told with every way to choose one, a folder too", () => {
    throws(() => assertBackend("production"), {
      name: "StepError",
      message:
        /stack production has no backend yet[\s\S]*pulumi login file:\/\/[\s\S]*pulumi stack init production/,
    });
    doesNotThrow(() => assertBackend("sandbox"));
  });

  for (const [what, choose] of [
    ["by PULUMI_BACKEND_URL", () => Object.assign(process.env, { PULUMI_BACKEND_URL: "file:///srv/state" })],
    ["by a token", () => Object.assign(process.env, { PULUMI_ACCESS_TOKEN: "pul-x" })],
    [
      "by a login",
      () => writeFileSync(join(process.env.PULUMI_HOME ?? "", "credentials.json"), '{"current":"file://~"}'),
    ],
    [
      "by a login kept elsewhere",
      () => {
        const folder = temporaryFolder("credentials");
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, "credentials.json"), '{"current":"https://api.pulumi.com"}');
        process.env.PULUMI_CREDENTIALS_PATH = folder;
      },
    ],
  ] as const)
    it(`is taken as chosen ${what}`, () => {
      choose();
      doesNotThrow(() => assertBackend("production"));
    });

  it("is never the sandbox's: the program refuses, whatever started it", () => {
    const production = { stack: "production", environment: "production" as const };
    const [fault = ""] = findBorrowedBackend(production, "file:///home/ada/rollout/.rollout/state");
    match(
      fault,
      /^backend: expected one of its own for stack production, got the sandbox's \(file:.*eval "\$\(npx rollout env --stack production\)"/,
    );
    for (const backend of [undefined, "s3://state", "file:///srv/state", "file:///x/.rollout/staging/state"])
      deepEqual(findBorrowedBackend(production, backend), []);
    deepEqual(findBorrowedBackend({ stack: "demo", environment: "sandbox" }, "file:///x/.rollout/state"), []);
  });
});

describe("--stack before one of Pulumi's verbs that name their stack", () => {
  it("is the same as the word after it", () => {
    deepEqual(nameStack(["stack", "init", "x"], "x"), ["stack", "init", "x"]);
    deepEqual(nameStack(["stack", "init"], "x"), ["stack", "init", "--stack", "x"]);
    deepEqual(nameStack(["stack", "rm", "--yes", "x"], "x"), ["stack", "rm", "--yes", "x"]);
    const provider = ["stack", "init", "--secrets-provider", "awskms://x"];
    deepEqual(nameStack(provider, "x"), [...provider, "--stack", "x"]);
    deepEqual(nameStack(["stack", "output"], "x"), ["stack", "output", "--stack", "x"]);
  });

  it("contradicts another one", () =>
    throws(
      () => nameStack(["stack", "init", "y"], "x"),
      /expected one stack, got x by --stack and y as the word after init/,
    ));
});
