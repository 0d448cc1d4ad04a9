import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Status } from "../../cli/status/contract.ts";
import type { Checkout } from "../engine/checkout.ts";
import { APP, type AppMachine } from "./app-machine.ts";
import type { MachineOutcome } from "./machine.ts";

const PREFIX = "deal-type-rollout:";

/** Where the application's answer at /health has what is asked. */
const HEALTH_FIELDS = {
  ...{ release: "build.commit", flag: "features.deal_types" },
  ...{ pid: "process.id", startedAt: "process.since" },
};

/** The stack of the application, as its team would write it down, driven on the application's machine. */
export class AppStack {
  readonly #checkout: Checkout;
  readonly #app: AppMachine;

  constructor(checkout: Checkout, app: AppMachine) {
    this.#checkout = checkout;
    this.#app = app;
  }

  /** Makes the stack there, with a backend in the checkout. */
  async init(): Promise<void> {
    mkdirSync(join(this.#checkout.folder, ".rollout/own/state"), { recursive: true });
    await this.#succeeds("pulumi stack init staging");
    this.write({});
    await this.#succeeds(
      `printf %s '${this.#app.database}' | pulumi config set --secret databaseUrl --stack staging`,
    );
  }

  /** Writes the configuration with some keys changed; salt and secret stay. */
  write(changed: Record<string, unknown>): void {
    const file = join(this.#checkout.folder, "Pulumi.staging.yaml");
    const { encryptionsalt, config = {} } = parse(readFileSync(file, "utf8"));
    const secret = config[`${PREFIX}databaseUrl`];
    const wanted = { ...this.#settings(), ...changed, ...(secret?.secure ? { databaseUrl: secret } : {}) };
    const keys = Object.entries(wanted).map(([key, value]) => [PREFIX + key, value]);
    writeFileSync(file, stringify({ encryptionsalt, config: Object.fromEntries(keys) }));
  }

  /** Runs a line there in a shell that `rollout env` has prepared. */
  shell(line: string): Promise<MachineOutcome> {
    const { folder } = this.#checkout;
    return this.#app.machine.try(
      `cd ${folder} && eval "$(node bin/rollout.mjs env --stack staging)" && ${line}`,
      {
        PULUMI_BACKEND_URL: `file://${folder}/.rollout/own/state`,
        PULUMI_HOME: `${folder}/.rollout/own/home`,
        PULUMI_CONFIG_PASSPHRASE: "a passphrase",
      },
    );
  }

  rollout(words: string): Promise<MachineOutcome> {
    return this.shell(`node bin/rollout.mjs ${words} --stack staging`);
  }

  async #succeeds(line: string): Promise<string> {
    const { exitCode, output } = await this.shell(line);
    if (exitCode !== 0) throw new Error(`${line}: exit code ${exitCode}\n${output}`);
    return output;
  }

  async status(): Promise<Status> {
    const { output } = await this.rollout("status --json 2>/dev/null");
    return JSON.parse(output) as Status;
  }

  #settings(): Record<string, unknown> {
    const { url, releases } = this.#app;
    const { repository, broken: _, ...commits } = releases;
    const suite = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml={report}"];
    const flow = { path: "/api/v1/deals/{key}" };
    return {
      environment: "staging",
      phase: 0,
      change: {
        ...{ schema: "public", table: "deals", column: "deal_type", key: "id" },
        allowed: ["acquisition", "carveout", "divestiture"],
        constraint: "valid_deal_type",
        normalise: { whenNull: "acquisition", spellings: { "carve-out": "carveout" } },
      },
      releases: commits,
      testSuite: {
        command: [...suite, "tests"],
        cwd: `${APP}/releases/{release}`,
        environment: { DILIGENCE_DATABASE: "none", PYTHONPATH: ".", PYTHONDONTWRITEBYTECODE: "1" },
      },
      deployment: {
        repository: repository.folder,
        restart: { timeoutSeconds: 30 },
        logs: ["{appDir}/log/app.log"],
      },
      shadow: {
        command: ["/usr/bin/gunicorn", "--workers", "1", "--bind", "127.0.0.1:{port}", "web:app"],
        sample: 20,
        rules: Object.fromEntries(
          ["acquisition", "carveout", "divestiture"].map((type) => [type, "identical"]),
        ),
      },
      smokeTest: {
        create: { path: "/api/v1/deals", body: { target_name: "Smoke test target" } },
        analyse: { method: "GET", path: "/api/v1/deals/{key}/analysis" },
        remove: flow,
        marker: { field: "name", prefix: "rollout-smoke-" },
        cases: [{ type: "acquisition", rules: [{ field: "synergies[].kind", includes: "consolidation" }] }],
        invalidType: "not-a-deal-type",
      },
      hosts: [
        {
          ...{ name: "app-1", appDir: APP, envFile: `${APP}/.env` },
          services: [
            {
              ...{ unit: "diligence-web", kind: "web", processes: 2, socket: "diligence-web.socket" },
              ...{ health: `${url}/health`, healthFields: HEALTH_FIELDS },
            },
            { unit: "diligence-worker", kind: "worker" },
            { unit: "diligence-multi", kind: "worker" },
          ],
        },
      ],
      app: { url },
      soak: { codeDeploymentSeconds: 0 },
    };
  }
}
