import { deepEqual, throws } from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { planSteps } from "../../rollout/plan.ts";
import { validValues } from "./valid-values.ts";

const STOPS = {
  stop: ["systemctl", "stop", "diligence-web"],
  start: ["systemctl", "start", "diligence-web"],
};

const load = (migration: object) =>
  loadConfig({ values: validValues({ migration }), stack: "prod", sandbox: () => undefined });

function faultsOf(maintenance: object | undefined): readonly string[] {
  try {
    load({ strategy: "maintenance", ...(maintenance ? { maintenance } : {}) });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const line = (expected: string, key: string, got: string, remedy: string) =>
  `config: expected ${expected} for ${key} in Pulumi.prod.yaml, got ${got}. ${remedy}`;
const WRITE = "Write it in Pulumi.prod.yaml: docs/config.md describes migration.";
const set = (key: string, value: string) =>
  `Set it: pulumi config set --path migration.maintenance.${key} ${value} --stack prod`;

const faulty: [string, object | undefined, string][] = [
  [
    "no section at all",
    undefined,
    line(
      "the commands that stop and start the writers, which strategy maintenance needs,",
      "migration.maintenance",
      "nothing",
      WRITE,
    ),
  ],
  [
    "no command to start them again",
    { stop: STOPS.stop },
    line("a list with at least one entry", "migration.maintenance.start", "nothing", WRITE),
  ],
  [
    "a command as one text, which a shell would have to read",
    { ...STOPS, stop: "systemctl stop diligence-web" },
    line(
      "a list with at least one entry",
      "migration.maintenance.stop",
      '"systemctl stop diligence-web"',
      WRITE,
    ),
  ],
  [
    "no time at all to stop",
    { ...STOPS, timeoutSeconds: 0 },
    line(
      "an integer from 1 to 3600",
      "migration.maintenance.timeoutSeconds",
      "0",
      set("timeoutSeconds", "60"),
    ),
  ],
  [
    "a flag whose folder depends on where the program runs",
    { ...STOPS, flagFile: "maintenance.flag" },
    line(
      "an absolute path",
      "migration.maintenance.flagFile",
      '"maintenance.flag"',
      set("flagFile", "<value>"),
    ),
  ],
  [
    "one of this program's own secrets for the commands",
    { ...STOPS, inherit: ["PULUMI_CONFIG_PASSPHRASE"] },
    line(
      "another variable than ROLLOUT_… and PULUMI_…",
      "migration.maintenance.inherit[0]",
      '"PULUMI_CONFIG_PASSPHRASE"',
      "Set it: pulumi config set --path 'migration.maintenance.inherit[0]' <value> --stack prod",
    ),
  ],
  [
    "an upgrade without a command",
    { ...STOPS, upgrade: { cwd: "/opt/diligence" } },
    line("a list with at least one entry", "migration.maintenance.upgrade.command", "nothing", WRITE),
  ],
];

describe("the configuration of a maintenance", () => {
  for (const [what, maintenance, fault] of faulty) {
    it(`is refused with key, value and remedy: ${what}`, () => deepEqual(faultsOf(maintenance), [fault]));
  }

  it("is refused with an upgrade beside triggers whose work no journal would hold", () => {
    const upgrade = { command: ["flask", "db", "upgrade"] };
    const migration = { strategy: "maintenance", appTriggers: "fire", maintenance: { ...STOPS, upgrade } };
    throws(() => load(migration), {
      faults: [
        line(
          "refuse, since migration.maintenance.upgrade makes the change,",
          "migration.appTriggers",
          '"fire"',
          "Set it: pulumi config set --path migration.appTriggers refuse --stack prod",
        ),
      ],
    });
  });

  it("may be there unused: the online way is the default", () => {
    deepEqual(load({ maintenance: STOPS }).migration.strategy, "online");
  });

  it("is the migration's and the notice's alone: how services are stopped is no change of another step", () => {
    const specsOf = (maintenance: object) =>
      planSteps(load({ strategy: "maintenance", maintenance })).map(({ spec }) => spec);
    const [one, other] = [specsOf(STOPS), specsOf({ ...STOPS, flagFile: "/run/flag", timeoutSeconds: 30 })];
    const changed = one.filter((spec, at) => JSON.stringify(spec) !== JSON.stringify(other[at]));
    deepEqual(
      changed.map(({ identity }) => identity.step),
      ["notice", "migration"],
    );
  });

  it("is in no spec with the online way", () => {
    const plans = [{}, { maintenance: STOPS }].map((migration) => JSON.stringify(planSteps(load(migration))));
    deepEqual(plans[0], plans[1]);
  });
});
