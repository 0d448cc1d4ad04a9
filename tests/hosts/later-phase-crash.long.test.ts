import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { endLaterPhases, setUpLaterPhases } from "./later-phases.ts";
import { restarts } from "./served-rollout.ts";
import type { ServedHost } from "./unit-stand-in.ts";

type Verb = "apply" | "undo";
type Setting = Awaited<ReturnType<typeof setUpLaterPhases>>;
type Name = keyof Setting["validation"];

/** Steps of the phase that write files, in order. */
const FILES: Name[] = ["switched", "flag"];

/** One way to die: what comes before, and what a person does next; the way back follows always. */
interface Way {
  prepare(): Promise<void>;
  goOn?(where: string): Promise<void>;
}

// Phase 3 is the same steps without the flag's.
describe("phase 4 on a host, dying after every script", function () {
  this.timeout(300_000);
  let setting: Setting;
  let host: ServedHost;
  let start: string[];

  before(async () => {
    setting = await setUpLaterPhases(["host-a"]);
    [host] = setting.hosts as [ServedHost];
    await setting.applyAll(setting.code(true));
    await setting.applyAll(setting.userInterface);
    start = await look();
  });
  after(endLaterPhases);

  const files = () => [readlinkSync(join(host.appDir, "current")), readFileSync(host.envFile, "utf8")];
  const look = async () => [...files(), ...(await setting.said())];
  const run = async (verb: Verb, ...names: Name[]) => {
    for (const name of names) await setting.run[verb](setting.validation[name]);
  };

  /** Lets a verb of a step die after each of its scripts. */
  async function dieEverywhere(verb: Verb, name: Name, { prepare, goOn }: Way): Promise<void> {
    for (let count = 1, died = true; died; count += 1) {
      const where = `${verb} ${name}, after script ${count}`;
      await prepare();
      died = await setting.run.dyingAfter(count, () => run(verb, name));
      if (died) await goOn?.(where);
      await setting.undoAll(setting.validation);
      deepEqual(await look(), start, where);
      ok(died || count > 1, `${where}: it runs no script`);
    }
  }

  for (const name of FILES) {
    const earlier = FILES.slice(0, FILES.indexOf(name));
    const later = FILES.slice(FILES.indexOf(name) + 1).reverse();
    const forward = () => run("apply", "opening", ...FILES);
    const goOn = async (where: string) => {
      await forward();
      deepEqual(files(), [`releases/${setting.permanent}`, "DATABASE_URL=postgres://x\n"], where);
    };

    it(`has its files as wanted, or as they were, wherever ${name} died`, async () => {
      const prepare = () => run("apply", "opening", ...earlier);
      await dieEverywhere("apply", name, { prepare, goOn });
      await dieEverywhere("apply", name, { prepare });
    });

    it(`has them so wherever the undo of ${name} died`, async () => {
      const prepare = async () => {
        await forward();
        await run("undo", ...later);
      };
      await dieEverywhere("undo", name, { prepare, goOn });
      await dieEverywhere("undo", name, { prepare });
    });
  }

  it("restarts each service once for each way, wherever a restart died", async () => {
    let before = 0;
    const forward = async () => {
      await run("apply", "opening", ...FILES);
      before = restarts(host).length;
    };
    const closes = async (where: string) => {
      await run("apply", "closing");
      equal(restarts(host).length - before, host.services.length, where);
      deepEqual(await setting.said(), ["permanent off"], where);
    };
    await dieEverywhere("apply", "closing", { prepare: forward, goOn: closes });
    await dieEverywhere("apply", "closing", { prepare: forward });
    const turned = async () => {
      await forward();
      await run("apply", "closing");
      await run("undo", "closing", "flag", "switched");
      before = restarts(host).length;
    };
    const opens = async (where: string) => {
      await run("undo", "opening");
      equal(restarts(host).length - before, host.services.length, where);
    };
    await dieEverywhere("undo", "opening", { prepare: turned, goOn: opens });
  });
});
