import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings.js";
import { parse } from "yaml";
import { composePhases } from "../../components/phase.ts";
import { loadConfig } from "../../config/load.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { PHASES } from "../../phases/index.ts";
import { planSteps } from "../../rollout/plan.ts";

/** A resource as the program registers it with the engine. */
export interface Told {
  urn: string;
  name: string;
  type: string;
  parent: string;
  dependsOn: string[];
  inputs: Record<string, unknown>;
}

/** The whole configuration of staging's own file, at that phase. */
export function stagingConfig(phase: number): RolloutConfig {
  const { config } = parse(readFileSync("Pulumi.staging.yaml", "utf8"));
  const own = Object.entries(config).map(([key, value]) => [key.replace(/^[^:]*:/, ""), value]);
  const databaseUrl = "postgres://owner:canary-password@db.example.com:5432/diligence";
  return loadConfig({ values: { ...Object.fromEntries(own), phase, databaseUrl }, stack: "staging" });
}

const nameOf = (urn: string) => urn.split("::").at(-1) ?? "";

const MOCKS = {
  newResource: ({ name, inputs }: pulumi.runtime.MockResourceArgs) => ({
    id: `${name}-id`,
    state: { ...inputs, stdout: "{}" },
  }),
  call: () => ({}),
};

/** The SDK's stand-in for the engine, which also notes what it is asked for; names instead of URNs inside. */
class NotingMonitor extends MockMonitor {
  readonly told: Told[] = [];

  override registerResource(...[request, callback]: Parameters<MockMonitor["registerResource"]>) {
    return super.registerResource(request, (error, response) => {
      const dependsOn = request.getDependenciesList().map(nameOf).sort();
      const [name, type, parent] = [request.getName(), request.getType(), nameOf(request.getParent())];
      const inputs = request.getObject()?.toJavaScript() ?? {};
      this.told.push({ urn: response?.getUrn(), name, type, parent, dependsOn, inputs });
      callback(error, response);
    });
  }
}

async function listen(): Promise<Told[]> {
  await pulumi.runtime.setMocks(MOCKS);
  const monitor = new NotingMonitor(MOCKS);
  setMockOptions(monitor, "deal-type-rollout", "staging");
  return monitor.told;
}

/** What Pulumi is told of all steps up to that phase, in order. */
export async function tellPulumi(phase: number): Promise<Told[]> {
  const told = await listen();
  const specs = planSteps(stagingConfig(phase)).map(({ spec }) => spec);
  const commands = composePhases({
    tables: PHASES.slice(0, phase + 1),
    specsOf: ({ name }) =>
      Object.fromEntries(
        specs.filter(({ identity }) => identity.phase === name).map((spec) => [spec.identity.step, spec]),
      ),
    secrets: {
      ROLLOUT_DATABASE_URL: pulumi.secret("postgres://canary"),
      ROLLOUT_MAIL: pulumi.secret("canary"),
    },
  });
  await Promise.all(commands.map(({ urn }) => new Promise((resolve) => urn.apply(resolve))));
  return told;
}
