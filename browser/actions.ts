import type { Action } from "../config/browser-action.ts";
import { attempt, chooseOption, reasonOf } from "./attempt.ts";
import { element, field } from "./element.ts";
import { expectSight, type Sight } from "./expectations.ts";
import { NotAsExpected } from "./point-fault.ts";

/** Where actions are done. */
export interface Scene extends Sight {
  /** Address of the application, without a slash at its end. */
  base: string;
}

/**
 * Does one action whose names in braces are filled in; pictures and flows are not its matter.
 * @throws {NotAsExpected} when it cannot be done in time, or what is expected is not seen.
 */
export async function performAction(action: Action, scene: Scene): Promise<void> {
  const { open, fill = {}, select = {}, click, press } = action;
  const { page, timeoutMs } = scene;
  if (open !== undefined) await openPage(open, scene);
  for (const [label, text] of Object.entries(fill)) await fillField(label, text, scene);
  for (const [label, option] of Object.entries(select)) await chooseOption(page, label, option, timeoutMs);
  if (click !== undefined) await clickElement(click, scene);
  if (press) await pressKey(press, scene);
  if (action.expect) await expectSight(action.expect, scene);
}

async function openPage(path: string, { page, base, timeoutMs }: Scene): Promise<void> {
  const expected = `a page at ${path}`;
  const options = { timeout: timeoutMs, waitUntil: "load" } as const;
  const answer = await page.goto(base + path, options).catch((error: Error) => {
    throw new NotAsExpected({ expected, seen: reasonOf(error) });
  });
  const status = answer?.status() ?? 200;
  if (status >= 400) throw new NotAsExpected({ expected, seen: `status ${status}` });
}

async function fillField(label: string, text: string, { page, timeoutMs: timeout }: Scene): Promise<void> {
  const name = `field "${label}"`;
  const target = field(page, label);
  const work = () => target.fill(text, { timeout });
  await attempt(page, { expected: `${name} to be filled in`, name, target, work });
}

async function clickElement(name: string, { page, timeoutMs: timeout }: Scene): Promise<void> {
  const target = element(page, name);
  const work = () => target.click({ timeout });
  await attempt(page, { expected: `${name} to be clicked`, name, target, work });
}

async function pressKey({ key, on }: NonNullable<Action["press"]>, scene: Scene): Promise<void> {
  const { page, timeoutMs: timeout } = scene;
  if (on === undefined) return page.keyboard.press(key);
  const target = element(page, on);
  const work = () => target.press(key, { timeout });
  await attempt(page, { expected: `${on} to get the key ${key}`, name: on, target, work });
}
