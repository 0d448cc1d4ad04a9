import type { Locator } from "playwright-core";
import type { Action } from "../config/browser-action.ts";
import { onOneLine } from "../steps/suite-results.ts";
import { describeKind, element, field } from "./element.ts";
import { expectSight, type Sight } from "./expectations.ts";
import { NotAsExpected } from "./point-fault.ts";

/** Where actions are done. */
export interface Scene extends Sight {
  /** Address of the application, without a slash at its end. */
  base: string;
}

/** What is done to which element, for the message when it cannot be. */
interface Attempt {
  /** The element's name: `button "Create deal"`. */
  name: string;
  /** What becomes of it: "to be clicked". */
  deed: string;
  target: Locator;
  work: () => Promise<unknown>;
}

/**
 * Does one action whose names in braces are filled in; pictures and flows are not its matter.
 * @throws {NotAsExpected} when it cannot be done in time, or what is expected is not seen.
 */
export async function performAction(action: Action, scene: Scene): Promise<void> {
  const { open, fill, select, click, press } = action;
  if (open !== undefined) await openPage(open, scene);
  if (fill)
    await eachField(fill, "to be filled in", scene, (target, text, options) => target.fill(text, options));
  if (select)
    await eachField(select, "to be chosen from", scene, (target, label, options) =>
      target.selectOption({ label }, options),
    );
  if (click !== undefined) await clickElement(click, scene);
  if (press) await pressKey(press, scene);
  if (action.expect) await expectSight(action.expect, scene);
}

async function openPage(path: string, { page, base, timeoutMs }: Scene): Promise<void> {
  const expected = `a page at ${path}`;
  const answer = await page
    .goto(base + path, { timeout: timeoutMs, waitUntil: "load" })
    .catch((error: Error) => {
      throw new NotAsExpected({ expected, seen: reasonOf(error) });
    });
  const status = answer?.status() ?? 200;
  if (status >= 400) throw new NotAsExpected({ expected, seen: `status ${status}` });
}

type FieldDeed = (target: Locator, text: string, options: { timeout: number }) => Promise<unknown>;

async function eachField(texts: Record<string, string>, deed: string, scene: Scene, work: FieldDeed) {
  const options = { timeout: scene.timeoutMs };
  for (const [label, text] of Object.entries(texts)) {
    const target = field(scene.page, label);
    await attempt({ name: `field "${label}"`, deed, target, work: () => work(target, text, options) }, scene);
  }
}

async function clickElement(name: string, scene: Scene): Promise<void> {
  const target = element(scene.page, name);
  const work = () => target.click({ timeout: scene.timeoutMs });
  await attempt({ name, deed: "to be clicked", target, work }, scene);
}

async function pressKey({ key, on }: NonNullable<Action["press"]>, scene: Scene): Promise<void> {
  if (on === undefined) return scene.page.keyboard.press(key);
  const target = element(scene.page, on);
  const work = () => target.press(key, { timeout: scene.timeoutMs });
  await attempt({ name: on, deed: `to get the key ${key}`, target, work }, scene);
}

async function attempt({ name, deed, target, work }: Attempt, { page }: Scene): Promise<void> {
  try {
    await work();
  } catch (error) {
    const count = await target.count().catch(() => 1);
    const seen = count === 0 ? await describeKind(page, name) : reasonOf(error as Error);
    throw new NotAsExpected({ expected: `${name} ${deed}`, seen });
  }
}

/** What kept Playwright from it: the last state of the element that its account names, else its first line. */
function reasonOf({ message }: Error): string {
  const plain = message.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g"), "");
  const state = [
    ...plain.matchAll(
      /^\s*(?:\d+ × )?- +(element is not \w+|did not find some options|.* intercepts pointer events)/gm,
    ),
  ];
  const first = plain.split("\n", 1)[0] ?? "";
  return onOneLine(state.at(-1)?.[1] ?? first.replace(/^\w+\.\w+: /, ""), 200);
}
