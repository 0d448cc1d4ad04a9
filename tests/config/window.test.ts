import { deepEqual } from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { validValues } from "./valid-values.ts";

const WINDOW = { days: ["tue"], from: "02:00", to: "04:00" };
const load = (changed: Record<string, unknown>) =>
  loadConfig({ values: validValues(changed), stack: "prod", sandbox: () => undefined });

function faultsOf(changed: Record<string, unknown>): readonly string[] {
  try {
    load(changed);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const inFile = (expected: string, key: string, got: string, remedy: string) => [
  `config: expected ${expected} for ${key} in Pulumi.prod.yaml, got ${got}. ${remedy}`,
];
const set = (key: string, value = "<value>") =>
  `Set it: pulumi config set --path ${key} ${value} --stack prod`;
const DAYS = "one of mon, tue, wed, thu, fri, sat, sun";
const FROM = 'a quoted time of day such as "02:00"';
const TO = 'a quoted time of day up to "24:00"';
const ZONE = "an IANA time zone such as Europe/Berlin or UTC";
const LATER = 'another time than window.from ("24:00" for the whole day)';

describe("window in the config", () => {
  it("may be left out, and is in UTC where no zone is named", () => {
    deepEqual(load({}).window, undefined);
    deepEqual(load({ window: WINDOW }).window, { ...WINDOW, timeZone: "UTC" });
  });

  const rows: [string, object, string[]][] = [
    [
      "a day by another name",
      { days: ["tuesday"] },
      inFile(DAYS, "window.days[0]", '"tuesday"', set("'window.days[0]'")),
    ],
    [
      "no day",
      { days: [] },
      inFile(
        "a list with at least one entry",
        "window.days",
        "[]",
        "Write it in Pulumi.prod.yaml: docs/config.md describes window.",
      ),
    ],
    [
      "an hour that YAML read as a number",
      { from: 120 },
      inFile(FROM, "window.from", "120", set("window.from")),
    ],
    ["a time past midnight", { from: "24:00" }, inFile(FROM, "window.from", '"24:00"', set("window.from"))],
    ["a time without its zero", { to: "4:00" }, inFile(TO, "window.to", '"4:00"', set("window.to"))],
    [
      "an end that is the beginning",
      { to: "02:00" },
      inFile(LATER, "window.to", '"02:00"', set("window.to")),
    ],
    [
      "a zone that there is not",
      { timeZone: "Mars/Olympus" },
      inFile(ZONE, "window.timeZone", '"Mars/Olympus"', set("window.timeZone", "UTC")),
    ],
    [
      "an offset, which knows no summer time",
      { timeZone: "+01:00" },
      inFile(ZONE, "window.timeZone", '"+01:00"', set("window.timeZone", "UTC")),
    ],
  ];
  for (const [what, changed, faults] of rows) {
    it(`refuses ${what}`, () => deepEqual(faultsOf({ window: { ...WINDOW, ...changed } }), faults));
  }
});

describe("notice in the config", () => {
  it("refuses what would smuggle in a header", () => {
    deepEqual(faultsOf({ notice: { to: ["a@b.example\nBcc: c@d.example"] } }), [
      ...inFile(
        "an e-mail address",
        "notice.to[0]",
        '"a@b.example\\nBcc: c@d.example"',
        set("'notice.to[0]'"),
      ),
    ]);
    deepEqual(faultsOf({ notice: { application: "A\r\nBcc: c@d.example" } }), [
      ...inFile(
        "text on one line, at most 200 characters",
        "notice.application",
        '"A\\r\\nBcc: c@d.example"',
        set("notice.application", "'the application'"),
      ),
    ]);
  });
});
