import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { loadConfig } from "../../config/load.ts";
import { stackSchema } from "../../config/schema.ts";
import { mapValue } from "../../postgres/migration/change-sql.ts";
import { ODDITIES, UNMAPPED } from "../../sandbox/oddities.ts";
import { ensureRepository } from "../../sandbox/releases/repository.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** The file's keys as Pulumi would hand them over. */
function readStackFile(stack: string): Record<string, unknown> {
  const text = readFileSync(new URL(`../../Pulumi.${stack}.yaml`, import.meta.url), "utf8");
  const { config } = parse(text) as { config: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.replace("deal-type-rollout:", ""),
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );
}

const sandbox = () => ({ database: "postgres://o:p@127.0.0.1/d", app: "http://127.0.0.1:1", hosts: [] });
const loadSandbox = () => loadConfig({ values: readStackFile("sandbox"), stack: "sandbox", sandbox });

describe("Pulumi.sandbox.yaml", () => {
  it("maps every old spelling of the seed to what it means, NULL too, and none of those planted as unmapped", () => {
    const { change } = loadSandbox();
    for (const { spelling, means } of ODDITIES)
      equal(mapValue(change, spelling), means, JSON.stringify(spelling));
    equal(mapValue(change, null), "acquisition");
    for (const value of UNMAPPED) equal(change.allowed.includes(mapValue(change, value) ?? ""), false, value);
  });

  it("pins the commits that the sandbox generates, on any machine", async () => {
    const repository = join(temporaryFolder("pins"), "repository");
    deepEqual(loadSandbox().releases, await ensureRepository(repository));
  });
});

for (const stack of ["staging", "production"]) {
  describe(`Pulumi.${stack}.yaml`, () => {
    it("is complete but for the secret, which is set by hand", () => {
      const values = readStackFile(stack);
      equal("databaseUrl" in values, false);
      const databaseUrl = "postgres://owner:password@db.example.com:5432/diligence";
      const config = loadConfig({ values: { ...values, databaseUrl }, stack, sandbox: () => undefined });
      equal(config.environment, stack);
      equal(config.phase, 0);
    });

    it("shows every key that there is", () => {
      const known = Object.keys(stackSchema(stack).shape);
      deepEqual(
        Object.keys(readStackFile(stack)).sort(),
        known.filter((key) => !["databaseUrl", "smtpPassword"].includes(key)).sort(),
      );
    });
  });
}

it("staging and production roll out the same change and the same commits", () => {
  const [staging, production] = ["staging", "production"].map(readStackFile);
  equal(staging?.change, production?.change);
  equal(staging?.releases, production?.releases);
});
