import { type Browser, type BrowserContext, chromium } from "playwright-core";
import type { BrowserChecklistSection } from "../config/browser-checklist.ts";
import { expandFlows, secretNames } from "../config/browser-flows.ts";
import { StepError } from "../errors/step-error.ts";
import type { StepDeps } from "../steps/step.ts";
import { lineStart } from "../system/plain-line.ts";
import type { ScannedPages } from "./accessibility.ts";
import { findBrowser, launchOptions, missingBrowser } from "./executable.ts";
import { VIEWS } from "./pictures.ts";
import { type PointOptions, type PointOutcome, PointRun } from "./point-run.ts";

/** What the checklist is run by. */
export interface ChecklistOptions {
  section: BrowserChecklistSection;
  url: string;
  deps: Pick<StepDeps, "saveArtifact" | "signal" | "log">;
}

/** One run: its options, and the pages that were scanned so far. */
interface Run extends ChecklistOptions {
  scanned: ScannedPages;
}

/** What became of every point, and in which browser. */
export interface ChecklistOutcome {
  /** Version of the browser. */
  browser: string;
  points: PointOutcome[];
}

type Session = Awaited<ReturnType<BrowserContext["storageState"]>>;

const { size, colorScheme } = VIEWS.light;

/**
 * Runs every point in a browser of its own, whatever became of the others. The browser ends with it, with
 * `deps.signal` and with this process.
 * @throws {StepError} when the browser cannot be started or the application does not let it in.
 */
export async function runChecklist(options: ChecklistOptions): Promise<ChecklistOutcome> {
  const { deps } = options;
  const run: Run = { ...options, scanned: new Map() };
  const browser = await startBrowser(options);
  const cancel = () => void browser.close().catch(() => undefined);
  deps.signal.addEventListener("abort", cancel, { once: true });
  try {
    deps.signal.throwIfAborted();
    const session = await logIn(browser, run);
    const points: PointOutcome[] = [];
    for (const [index, { name, actions }] of options.section.points.entries()) {
      deps.signal.throwIfAborted();
      const point = { number: index + 1, name, actions };
      const outcome = await PointRun.run(pointOptions(point, run), await newSession(browser, session));
      deps.log(
        `browser-checklist: ${outcome.faults.length === 0 ? "ok  " : "FAIL"}  ${name} (${(outcome.ms / 1000).toFixed(1)} s)`,
      );
      for (const line of outcome.unscanned ?? []) deps.log(`browser-checklist: not scanned by axe: ${line}`);
      points.push(outcome);
    }
    return { browser: browser.version(), points };
  } catch (error) {
    deps.signal.throwIfAborted();
    throw error;
  } finally {
    deps.signal.removeEventListener("abort", cancel);
    await browser.close().catch(() => undefined);
  }
}

async function startBrowser({ section }: ChecklistOptions): Promise<Browser> {
  const executable = await findBrowser(section.browser);
  if (!executable) throw new StepError(missingBrowser(section.browser));
  try {
    return await chromium.launch(launchOptions(executable, section.browser));
  } catch (error) {
    throw new StepError(
      `browser-checklist: expected ${executable} to start, got: ${lineStart((error as Error).message, 600)}. ` +
        "Correct browserChecklist.browser; where the system allows no sandbox, its args need --no-sandbox.",
    );
  }
}

const newSession = (browser: Browser, storageState?: Session) =>
  browser.newContext({
    ...{ viewport: size, colorScheme, reducedMotion: "reduce" },
    ...(storageState ? { storageState } : {}),
  });

/** Logs in once; every point begins with the session that came of it. It is kept nowhere. */
async function logIn(browser: Browser, run: Run): Promise<Session | undefined> {
  const { login } = run.section;
  if (!login) return undefined;
  const context = await newSession(browser);
  let session: Session | undefined;
  const keep = async () => {
    session = await context.storageState();
  };
  const point = { number: 0, name: "login", actions: login };
  const { faults, screenshots } = await PointRun.run({ ...pointOptions(point, run), atEnd: keep }, context);
  const [fault] = faults;
  if (!fault) return session;
  throw new StepError(
    `browser-checklist: expected ${fault.expected} at the login, got ${fault.seen} (${screenshots.at(-1)?.path ?? "no picture"}). ` +
      "Correct browserChecklist.login or its secrets.",
  );
}

function pointOptions(
  point: Pick<PointOptions, "number" | "name" | "actions">,
  { section, url, deps, scanned }: Run,
): PointOptions {
  const secrets = secretNames(section).map((name) => [`secret:${name}`, process.env[name] ?? ""]);
  return {
    ...{ ...point, actions: expandFlows(point.actions, section.flows), base: url.replace(/\/+$/, "") },
    ...{ actionMs: section.actionSeconds * 1000, pointMs: section.pointSeconds * 1000 },
    ...{
      markerPrefix: section.markerPrefix,
      ignore: section.ignore,
      ignoreRules: section.ignoreRules,
      leftOut: section.withoutScan.filter((left) => left.point === undefined || left.point === point.name),
      scanned,
    },
    ...{ secrets: Object.fromEntries(secrets), deps },
  };
}
