import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { sha256Of } from "../system/sha256.ts";
import { matchPath } from "./path-template.ts";
import type { PointFault } from "./point-fault.ts";

const SHOWN = 3;

/** What axe said of pages that were scanned in this run: one that looks the same is not scanned again. */
export type ScannedPages = Map<string, readonly PointFault[]>;

/** A page that is not scanned, and why. Without `page` it is every page. */
export interface LeftOut {
  page?: string | undefined;
  reason: string;
}

/** What axe can judge. An answer in JSON, say, is shown by the browser in a page of its own. */
const DOCUMENTS = ["text/html", "application/xhtml+xml"];

/** Scans of a point's pages by axe, each fault once. */
export class Accessibility {
  /** Pages of the point, in every state in which they were left. */
  scans = 0;
  readonly #faults = new Map<string, PointFault>();
  readonly #unscanned = new Set<string>();
  readonly #ignoreRules: readonly string[];
  readonly #leftOut: readonly LeftOut[];
  readonly #scanned: ScannedPages;

  constructor(ignoreRules: readonly string[], leftOut: readonly LeftOut[], scanned: ScannedPages) {
    this.#ignoreRules = ignoreRules;
    this.#leftOut = leftOut;
    this.#scanned = scanned;
  }

  /** Pages that were not scanned, each once, with the reason. */
  get unscanned(): string[] {
    return [...this.#unscanned];
  }

  get faults(): PointFault[] {
    return [...this.#faults.values()];
  }

  /**
   * Judges the page as it stands; one that nothing was opened in is passed over.
   * @param own texts that are this point's own, such as a deal's name: pages that differ in them alone are the same.
   */
  async scan(page: Page, own: readonly string[]): Promise<void> {
    if (page.url() === "about:blank") return;
    await page.waitForLoadState("load");
    const reason = await this.#reasonAgainst(page);
    if (reason !== undefined) {
      this.#unscanned.add(`${new URL(page.url()).pathname}: ${reason}`);
      return;
    }
    const key = await keyOf(page, own);
    const faults = this.#scanned.get(key) ?? (await this.#judge(page));
    this.#scanned.set(key, faults);
    this.scans += 1;
    for (const fault of faults) this.#faults.set(fault.seen, fault);
  }

  async #reasonAgainst(page: Page): Promise<string | undefined> {
    const left = this.#leftOut.find(
      ({ page: path }) => path === undefined || !matchPath(path, page.url(), {}),
    );
    if (left) return left.reason;
    const type = String(await page.evaluate("document.contentType"));
    return DOCUMENTS.includes(type) ? undefined : `it is ${type}, no page`;
  }

  async #judge(page: Page): Promise<PointFault[]> {
    const builder = new AxeBuilder({ page }).disableRules([...this.#ignoreRules]);
    // What frames say is put together in a tab of its own, which costs more than the scan: a page without has none.
    const { violations } = await builder.setLegacyMode(page.frames().length === 1).analyze();
    const path = new URL(page.url()).pathname;
    return violations.map(({ id, impact, help, nodes }) => {
      const places = nodes.slice(0, SHOWN).map(({ target }) => target.flat().join(" "));
      const more = nodes.length > SHOWN ? ` and ${nodes.length - SHOWN} more` : "";
      const seen = `axe rule ${id} (${impact ?? "minor"}) at ${places.join(", ")}${more} of ${path}`;
      return { expected: help, seen };
    });
  }
}

/** What nobody sees: a moment to the millisecond, and the empty style that a picture leaves at a field. */
const UNSEEN = / datetime="[^"]*"| style=""/g;

/** The page's content in the colours and the size in which it is shown. */
async function keyOf(page: Page, own: readonly string[]): Promise<string> {
  const dark = await page.evaluate('matchMedia("(prefers-color-scheme: dark)").matches');
  const seen = (await page.content()).replaceAll(UNSEEN, "");
  const content = own.reduce((text, part) => text.replaceAll(part, "*"), seen);
  const shown = JSON.stringify([content, dark, page.viewportSize()]);
  return sha256Of(shown);
}
