import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { findBrowser } from "../../browser/executable.ts";
import { BrowserChecklistSection } from "../../config/browser-checklist.ts";
import type { BrowserChecklistSpec } from "../../steps/browser-checklist.ts";
import { baseSpec, change } from "../steps/preflight-deps.ts";

/** The browser of this machine; without one the tests that need it are skipped by name. */
export const BROWSER = await findBrowser({ args: [] });

/** `it`, or a skipped test that says what is missing. */
export const inBrowser = (title: string, work: () => Promise<void>) =>
  BROWSER === undefined
    ? it.skip(`${title} (SKIPPED: no browser on PATH; apt-get install chromium)`)
    : it(title, work);

/** The sandbox's own ten points, with what is changed of the section; impatient, since the fixture is quick. */
export function sandboxSection(changed: Record<string, unknown> = {}): BrowserChecklistSection {
  const text = readFileSync(new URL("../../Pulumi.sandbox.yaml", import.meta.url), "utf8");
  const { config } = parse(text) as { config: Record<string, object> };
  const section = config["deal-type-rollout:browserChecklist"];
  return BrowserChecklistSection.parse({ ...section, actionSeconds: 3, ...changed });
}

/** The points of these numbers alone. */
export const onlyPoints = (...numbers: number[]) => ({
  points: numbers.map((number) => sandboxSection().points[number - 1]),
});

export const RELEASE = "c0ffee".padEnd(40, "0");

export function specOf(
  appUrl: string,
  section: Record<string, unknown> = {},
  changed: Partial<BrowserChecklistSpec> = {},
): BrowserChecklistSpec {
  return {
    ...baseSpec("browser-checklist"),
    ...{ change, app: { url: appUrl }, browserChecklist: sandboxSection(section) },
    testDeals: { field: "name", remove: { path: "/deals/{key}" } },
    basis: { release: RELEASE },
    ...changed,
  };
}
