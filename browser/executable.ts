import type { LaunchOptions } from "playwright-core";
import { BROWSERS } from "../bin/programs.mjs";
import type { BrowserChecklistSection } from "../config/browser-checklist.ts";
import { childEnvironment } from "../processes/child-process.ts";
import { findProgram } from "../processes/installed-program.ts";

type BrowserSection = BrowserChecklistSection["browser"];

/** Path of the browser, or undefined where there is none. */
export async function findBrowser({ executable }: BrowserSection): Promise<string | undefined> {
  for (const name of executable === undefined ? BROWSERS : [executable]) {
    const found = await findProgram(name, { environment: { PATH: process.env.PATH ?? "" } });
    if (found) return found;
  }
  return undefined;
}

/** Why no browser can be started, with the command that installs one. */
export function missingBrowser({ executable }: BrowserSection): string {
  const wanted = executable ?? `one of ${BROWSERS.join(", ")} on PATH`;
  return `browser-checklist: expected a browser (${wanted}), got none. Install one: apt-get install chromium; or correct browserChecklist.browser.executable.`;
}

/** True where the browser has to do without its sandbox: Chromium refuses to start as root with it. */
export const withoutSandbox = () => process.getuid?.() === 0;

/**
 * How the browser is started. It gets nothing of our environment but PATH and home, and it ends with this process,
 * SIGKILL included: Playwright speaks to it by a pipe, and Chromium ends once its pipe is closed. Signals are the
 * step's own matter: it has deals to remove before it ends.
 */
export function launchOptions(executablePath: string, { args }: BrowserSection): LaunchOptions {
  return {
    ...{ executablePath, args, headless: true, chromiumSandbox: !withoutSandbox(), env: childEnvironment() },
    ...{ handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false, timeout: 60_000 },
  };
}
