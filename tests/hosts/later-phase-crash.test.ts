import { deepEqual, ok } from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { endLaterPhases, setUpLaterPhases } from "./later-phases.ts";
import type { Declared } from "./rollout-fixture.ts";
import { restarts } from "./served-rollout.ts";
import type { ServedHost } from "./unit-stand-in.ts";

type Verb = "apply" | "undo";
type Setting = Awaited<ReturnType<typeof setUpLaterPhases>>;

/** A host that has come to the end of the phase before, and what a phase does there. */
async function beforePhase(number: 3 | 4) {
  const setting = await setUpLaterPhases(["host-a"]);
  const { code, userInterface, validation, applyAll } = setting;
  await applyAll(code(true));
  if (number === 4) await applyAll(userInterface);
  return { setting, steps: number === 3 ? userInterface : validation };
}

const looksOf = ({ hosts, said }: Setting) => {
  const [{ appDir, envFile }] = hosts as [ServedHost];
  const files = () => [readlinkSync(join(appDir, "current")), readFileSync(envFile, "utf8")];
  return { files, all: async () => [...files(), ...(await said())] };
};

for (const number of [3, 4] as const) {
  describe(`phase ${number} on a host, dying after every script`, function () {
    this.timeout(300_000);
    let setting: Setting;
    let steps: Record<string, Declared>;
    let start: string[];
    let look: ReturnType<typeof looksOf>;
    before(async () => {
      const made = await beforePhase(number);
      setting = made.setting;
      steps = made.steps;
      look = looksOf(setting);
      start = await look.all();
    });
    after(endLaterPhases);

    const back = async (where: string) => {
      await setting.undoAll(steps);
      deepEqual(await look.all(), start, where);
    };

    /**
     * Lets one verb of a step die after each of its scripts, goes on, and goes back.
     * @param prepare brings the phase to where the step's turn is. @param goOn what a person does next.
     */
    async function dieEverywhere(
      verb: Verb,
      name: string,
      ways: { prepare: () => Promise<void>; goOn: (where: string) => Promise<void> },
    ): Promise<void> {
      for (let count = 1; ; count += 1) {
        const where = `${verb} ${name}, after script ${count}`;
        await ways.prepare();
        const died = await setting.run.dyingAfter(count, () => setting.run[verb](steps[name] as Declared));
        if (died) await ways.goOn(where);
        await back(where);
        if (died) continue;
        ok(count > 1, `${where}: it runs no script`);
        return;
      }
    }

    const { apply, undo } = {
      apply: async (...names: string[]) => {
        for (const name of names) await setting.run.apply(steps[name] as Declared);
      },
      undo: async (...names: string[]) => {
        for (const name of names) await setting.run.undo(steps[name] as Declared);
      },
    };
    const files = number === 3 ? ["switched"] : ["switched", "flag"];
    const goesBack = async () => undefined;

    for (const name of files) {
      const until = files.slice(0, files.indexOf(name));
      const after = files.slice(files.indexOf(name) + 1).reverse();
      it(`has its files as wanted, or as they were, after ${name} died`, async () => {
        await apply("opening", ...files);
        const end = look.files();
        await back("at first");
        const goesOn = async (where: string) => {
          await apply("opening", ...files);
          deepEqual(look.files(), end, where);
        };
        for (const goOn of [goesOn, goesBack]) {
          await dieEverywhere("apply", name, { prepare: () => apply("opening", ...until), goOn });
          const prepare = async () => {
            await apply("opening", ...files);
            await undo(...after);
          };
          await dieEverywhere("undo", name, { prepare, goOn });
        }
      });
    }

    it("restarts each service once for each way, wherever a restart died", async () => {
      const [host] = setting.hosts as [ServedHost];
      let counted = 0;
      const count = () => restarts(host).length - counted;
      const forward = async () => {
        counted = restarts(host).length;
        await apply("opening", ...files);
      };
      const goesOn = async (where: string) => {
        await apply("closing");
        deepEqual(count(), 2, where);
        deepEqual(await setting.said(), [number === 3 ? "interface on" : "permanent off"], where);
      };
      await dieEverywhere("apply", "closing", { prepare: forward, goOn: goesOn });
      await dieEverywhere("apply", "closing", { prepare: forward, goOn: goesBack });
      const turned = async () => {
        await forward();
        await apply("closing");
        await undo("closing", ...files.toReversed());
        counted = restarts(host).length;
      };
      const goesBackOnce = async (where: string) => {
        await undo("opening");
        deepEqual(count(), 2, where);
      };
      await dieEverywhere("undo", "opening", { prepare: turned, goOn: goesBackOnce });
    });
  });
}
