import { setTimeout as sleep } from "node:timers/promises";
import type { BrowserContext, Page } from "playwright-core";
import type { Action } from "../config/browser-action.ts";
import { fillPlaces, placesIn } from "../config/browser-flows.ts";
import { newMarker } from "../postgres/deals/marked-rows.ts";
import { hideValues } from "../processes/inherited-variables.ts";
import type { StepDeps } from "../steps/step.ts";
import { lineStart } from "../system/plain-line.ts";
import { Accessibility, type LeftOut, type ScannedPages } from "./accessibility.ts";
import { performAction, type Scene } from "./actions.ts";
import { PageTroubles } from "./page-troubles.ts";
import { type Picture, pictureName, showAs, takePicture, VIEWS, type View } from "./pictures.ts";
import { NotAsExpected, type PointFault } from "./point-fault.ts";

/** What became of a point. */
export interface PointOutcome {
  point: string;
  ms: number;
  /** Empty when everything was as expected. */
  faults: PointFault[];
  screenshots: Picture[];
  /** Pages that axe scanned. */
  scans: number;
  /** Pages that it did not, with the reason. Absent where there are none. */
  unscanned?: string[];
}

/** What a point is run by. */
export interface PointOptions {
  number: number;
  name: string;
  /** Its actions, those of flows in their places. */
  actions: readonly Action[];
  base: string;
  actionMs: number;
  pointMs: number;
  markerPrefix: string;
  ignore: readonly string[];
  ignoreRules: readonly string[];
  leftOut: readonly LeftOut[];
  /** Shared by the points of a run. */
  scanned: ScannedPages;
  /** Names `secret:NAME` → values. */
  secrets: Record<string, string>;
  /** Done once the actions are, while the session is open. */
  atEnd?(): Promise<void>;
  deps: Pick<StepDeps, "saveArtifact" | "signal">;
}

const QUIET_MS = 3_000;
const CLOSE_MS = 5_000;

/** One point in a session of its own. */
export class PointRun {
  readonly #options: PointOptions;
  readonly #page: Page;
  readonly #troubles: PageTroubles;
  readonly #accessibility: Accessibility;
  readonly #kept: Record<string, string> = {};
  readonly #screenshots: Picture[] = [];
  #doing = "to begin";

  private constructor(options: PointOptions, context: BrowserContext, page: Page) {
    this.#options = options;
    this.#page = page;
    this.#troubles = new PageTroubles(context, options.ignore);
    this.#accessibility = new Accessibility(options.ignoreRules, options.leftOut, options.scanned);
  }

  /** Runs it in that session, which is closed afterwards. Throws for nothing that the application does. */
  static async run(options: PointOptions, context: BrowserContext): Promise<PointOutcome> {
    const startedAt = performance.now();
    const point = new PointRun(options, context, await context.newPage());
    try {
      const fault = await point.#withinTime();
      options.deps.signal.throwIfAborted();
      await point.#picture(fault ? "failed" : "end");
      return point.#outcome(fault, Math.round(performance.now() - startedAt));
    } finally {
      // A browser that does not answer is ended with the step; nobody waits for it.
      await Promise.race([
        context.close().catch(() => undefined),
        sleep(CLOSE_MS, undefined, { ref: false }),
      ]);
    }
  }

  #outcome(fault: PointFault | undefined, ms: number): PointOutcome {
    const { name, secrets } = this.#options;
    const troubles = this.#troubles.lines.map((seen) => ({ expected: "no error on the way", seen }));
    const faults = [...(fault ? [fault] : []), ...this.#accessibility.faults, ...troubles];
    const hide = (text: string) => hideTyped(text, Object.values(secrets));
    const { scans, unscanned } = this.#accessibility;
    return {
      ...{ point: name, ms, screenshots: this.#screenshots, scans },
      ...(unscanned.length > 0 ? { unscanned } : {}),
      faults: faults.map(({ expected, seen }) => ({ expected: hide(expected), seen: hide(seen) })),
    };
  }

  async #withinTime(): Promise<PointFault | undefined> {
    const { pointMs } = this.#options;
    const over = new AbortController();
    const late = sleep(pointMs, undefined, { signal: over.signal }).then(
      () => ({ expected: `the point to end within ${pointMs / 1000} s`, seen: `still ${this.#doing}` }),
      () => undefined,
    );
    const work = this.#actions().catch(faultOf);
    try {
      return await Promise.race([work, late]);
    } finally {
      over.abort();
    }
  }

  async #actions(): Promise<undefined> {
    for (const action of this.#options.actions) {
      // What a page looks like when it is left is what a person saw of it.
      if (action.open !== undefined || action.click !== undefined || action.press) await this.#scan();
      this.#doing = `busy with ${lineStart(JSON.stringify(action), 200)}`;
      if (action.screenshot === undefined) await performAction(this.#fillIn(action), this.#scene());
      else await this.#views(action.screenshot);
    }
    this.#doing = "waiting for the page to come to rest";
    await this.#page.waitForLoadState("networkidle", { timeout: QUIET_MS }).catch(() => undefined);
    await this.#scan();
    await this.#options.atEnd?.();
  }

  #scan(): Promise<void> {
    this.#doing = "scanning the page by axe";
    return this.#accessibility.scan(this.#page, Object.values(this.#kept));
  }

  /** {marker} is new wherever it is typed, and the last one typed everywhere else. A path's names are kept anew. */
  #fillIn(action: Action): Action {
    if (action.expect?.path !== undefined) return action;
    const { markerPrefix: prefix, secrets } = this.#options;
    if (action.fill && placesIn(action.fill).includes("marker")) this.#kept.marker = newMarker({ prefix });
    return fillPlaces(action, action.fill ? { ...this.#kept, ...secrets } : this.#kept);
  }

  #scene(): Scene {
    const { base, actionMs } = this.#options;
    return { page: this.#page, base, timeoutMs: actionMs, kept: this.#kept };
  }

  async #views(name: string): Promise<void> {
    for (const view of Object.keys(VIEWS) as View[]) {
      await showAs(this.#page, view);
      await this.#picture(`${name}-${view}`);
      if (view !== "light") await this.#scan();
    }
    await showAs(this.#page, "light");
  }

  /** A page that hangs has no picture: that is no fault beside the one it has. */
  async #picture(suffix: string): Promise<void> {
    const { number, name, deps } = this.#options;
    const picture = await takePicture(this.#page, `${pictureName(number, name)}-${suffix}`, deps);
    if (picture) this.#screenshots.push(picture);
  }
}

/** What was typed may come back in an address, in quotes, or with its end cut off: it is hidden there as well. */
export function hideTyped(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap((secret) => [
    ...[secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)],
    new URLSearchParams({ "": secret }).toString().slice(1),
  ]);
  const cut = forms.flatMap((form) =>
    Array.from(
      { length: Math.max(0, form.length - 4) },
      (_, less) => `${form.slice(0, form.length - 1 - less)}…`,
    ),
  );
  return hideValues(hideValues(text, forms), cut);
}

function faultOf(error: Error): PointFault {
  if (error instanceof NotAsExpected) return error;
  return { expected: "the browser to do it", seen: lineStart(error.message, 300) };
}
