import type { Page } from "playwright-core";
import type { StepDeps } from "../steps/step.ts";
import { sha256Of } from "../system/sha256.ts";

/** Ways in which a page is looked at. */
export const VIEWS = {
  light: { colorScheme: "light", size: { width: 1280, height: 800 } },
  dark: { colorScheme: "dark", size: { width: 1280, height: 800 } },
  narrow: { colorScheme: "light", size: { width: 390, height: 844 } },
} as const;
export type View = keyof typeof VIEWS;

/** A page may be longer than anybody looks. */
const TALLEST = 4_000;
const TIMEOUT_MS = 10_000;

/** A picture among the evidence. */
export interface Picture {
  /** Path in the evidence folder. */
  path: string;
  sha256: string;
}

/** Shows the page in that way, until it is shown in another. */
export async function showAs(page: Page, view: View): Promise<void> {
  const { colorScheme, size } = VIEWS[view];
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
}

/** Keeps a picture of the whole page among the evidence. @returns nothing of a page that hangs: it shows none. */
export async function takePicture(
  page: Page,
  name: string,
  { saveArtifact }: Pick<StepDeps, "saveArtifact">,
): Promise<Picture | undefined> {
  const png = await shoot(page).catch(() => undefined);
  if (!png) return undefined;
  const sha256 = sha256Of(png);
  return { path: await saveArtifact(`${name}.png`, png), sha256 };
}

/** However long the page is, up to a limit. */
async function shoot(page: Page): Promise<Buffer> {
  const { width = VIEWS.light.size.width, height = VIEWS.light.size.height } = page.viewportSize() ?? {};
  const whole = (await page.locator("html").boundingBox({ timeout: TIMEOUT_MS }))?.height ?? height;
  const clip = { x: 0, y: 0, width, height: Math.min(TALLEST, Math.max(height, Math.ceil(whole))) };
  return page.screenshot({
    ...{ fullPage: true, clip, type: "png", animations: "disabled", caret: "hide" },
    timeout: TIMEOUT_MS,
  });
}

/** A file's name for a point: its number and as many of its words as fit. */
export function pictureName(number: number, name: string): string {
  const words = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return `point-${String(number).padStart(2, "0")}-${words.slice(0, 60).replace(/-$/, "")}`;
}
