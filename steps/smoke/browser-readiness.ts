import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { request } from "undici";
import { findBrowser, missingBrowser, withoutSandbox } from "../../browser/executable.ts";
import type { PointOutcome } from "../../browser/point-run.ts";
import { secretNames } from "../../config/browser-flows.ts";
import { phaseNumber } from "../../config/phase.ts";
import { hasColumn } from "../../postgres/deals/marked-rows.ts";
import { withConnection } from "../../postgres/session.ts";
import { sha256Of } from "../../system/sha256.ts";
import type { BrowserChecklistSpec, ReadySpec } from "../browser-checklist.ts";
import { laterOwner, shortSha } from "../restart/host-work.ts";
import type { Drift, StepDeps } from "../step.ts";
import { reasonOf } from "./smoke-requests.ts";

const ANSWER_MS = 5_000;

/** Path of the browser for people, and that it runs without its sandbox where it does. */
export async function describeBrowser({ browserChecklist }: BrowserChecklistSpec): Promise<string> {
  const found = browserChecklist && (await findBrowser(browserChecklist.browser));
  if (!found) return "no browser";
  return `${found}${withoutSandbox() ? " (as root, so without its sandbox)" : ""}`;
}

/**
 * Once a later phase has switched the release, its pages would be looked at in the name of the one before. A patch of that
 * one, or another checklist, waits until the phase is lowered: only then is it what users see.
 */
export function replacedBlockers(spec: BrowserChecklistSpec, deps: StepDeps): string[] {
  const owner = laterOwner(spec, "release-switch", deps);
  if (!owner) return [];
  const { phase, stack } = spec.identity;
  const down = phaseNumber(phase);
  return [
    `browser-checklist: expected release ${shortSha(spec.basis.release)} to be what users see, got ${owner.phase} ` +
      `${owner.step}, which has replaced it. Put browserChecklist and releases back as they were, and lost pictures from a ` +
      `copy of the evidence; or lower first: npx rollout config set phase ${down} --stack ${stack} && npx rollout up --stack ${stack}`,
  ];
}

/** What would keep the points from being run, each complete with remedy. Starts no browser. */
export async function checklistBlockers(spec: BrowserChecklistSpec, deps: StepDeps): Promise<string[]> {
  const replaced = replacedBlockers(spec, deps);
  if (replaced.length > 0) return replaced;
  const { browserChecklist, testDeals } = spec;
  if (!browserChecklist) {
    return [
      "browser-checklist: expected browserChecklist in the stack config, got none. Say what is done and has to be seen: docs/browser-checklist.md.",
    ];
  }
  if (!testDeals) {
    return [
      "browser-checklist: expected smokeTest in the stack config, which says how test deals are removed, got none. Add it: docs/code-deployment-checks.md.",
    ];
  }
  const ready = { ...spec, browserChecklist, testDeals };
  const browser = await findBrowser(browserChecklist.browser);
  return [
    ...(browser ? [] : [missingBrowser(browserChecklist.browser)]),
    ...variableBlockers(ready),
    ...(await Promise.all([columnBlockers(ready, deps), answerBlockers(ready, deps)])).flat(),
  ];
}

function variableBlockers({ browserChecklist, testDeals }: ReadySpec): string[] {
  const { tokenVariable } = testDeals;
  const names = [...secretNames(browserChecklist), ...(tokenVariable === undefined ? [] : [tokenVariable])];
  return names
    .filter((name) => !process.env[name])
    .map(
      (name) =>
        `browser-checklist: expected the variable ${name} in the environment, got none. Set it, or take it out of browserChecklist and smokeTest.`,
    );
}

async function columnBlockers({ change, testDeals }: ReadySpec, deps: StepDeps): Promise<string[]> {
  const { field } = testDeals;
  if (await withConnection(deps, (client) => hasColumn(client, change, field))) return [];
  return [
    `browser-checklist: expected a column ${field} in ${change.schema}.${change.table}, got none: test deals could not be found again. Correct smokeTest.marker.field.`,
  ];
}

/** Any answer will do: the release whose pages are looked at may not be there yet. */
async function answerBlockers({ app }: ReadySpec, deps: StepDeps): Promise<string[]> {
  const options = { signal: deps.signal, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS };
  try {
    const { body } = await request(app.url, options);
    await body.dump();
    return [];
  } catch (error) {
    deps.signal.throwIfAborted();
    return [
      `browser-checklist: expected ${app.url} to answer, got ${reasonOf(error)}. Start the application, or correct app.url.`,
    ];
  }
}

/** Pictures of a finished run that are gone or were changed: then nobody can look at what was seen. */
export async function findLostPictures(
  folder: string,
  points: readonly Pick<PointOutcome, "point" | "screenshots">[],
): Promise<Drift[]> {
  const pictures = points.flatMap(({ screenshots }) => screenshots);
  const found = await Promise.all(
    pictures.map(async ({ path, sha256 }) => {
      const content = await readFile(join(folder, path)).catch(() => undefined);
      if (!content) return [{ expected: `the picture ${path}`, observed: "no such file" }];
      const hash = sha256Of(content);
      return hash === sha256 ? [] : [{ expected: `${path} as it was taken`, observed: "another content" }];
    }),
  );
  return found.flat();
}
