import { deepEqual, equal } from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askThoroughly } from "../../hosts/health.ts";
import { endGroup } from "../../processes/child-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SHA = "c".repeat(40);
const PAGE = readFileSync(new URL("../../docs/health.md", import.meta.url), "utf8");

/** The snippets of docs/health.md by their file names. */
const SNIPPETS = new Map(
  [...PAGE.matchAll(/```python title=(\S+)\n([\s\S]*?)```/g)].map(([, name = "", text = ""]) => [name, text]),
);

/** Folder of a virtual environment with what the snippets need; undefined where Python or its registry can't be had. */
function makeEnvironment(): string | undefined {
  const folder = temporaryFolder("venv");
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { stdio: "pipe", timeout: 240_000 });
  try {
    run("python3", "-m", "venv", folder);
    const packages = ["flask==3.1.2", "gunicorn==23.0.0", "celery==5.5.3"];
    run(join(folder, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", ...packages);
    return folder;
  } catch (error) {
    console.warn(
      `      SKIPPED: Python with pip and its registry cannot be had: ${(error as Error).message.slice(0, 200)}`,
    );
    return undefined;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("the snippets of docs/health.md", function () {
  this.timeout(360_000);
  let bin: string;
  let release: string;
  const started: number[] = [];

  before(function () {
    const environment = makeEnvironment();
    if (environment === undefined) this.skip();
    bin = join(environment, "bin");
    const app = temporaryFolder("app");
    release = join(app, "releases", SHA);
    mkdirSync(release, { recursive: true });
    for (const [name, text] of SNIPPETS) writeFileSync(join(release, name), text);
    writeFileSync(
      join(release, "tasks.py"),
      'import health_worker\nfrom celery import Celery\n\napp = Celery("tasks", broker="memory://")\n',
    );
    execFileSync("ln", ["-s", `releases/${SHA}`, join(app, "current")]);
    release = join(app, "current");
  });
  after(() => {
    for (const pid of started) endGroup(pid);
  });

  /** Starts a program and asks it until both of its processes have answered. */
  async function askTwo(argv: string[], port: number, flag: string) {
    const env = { PATH: process.env.PATH, HEALTH_PORT: String(port), DEAL_TYPE_AWARENESS: flag };
    const child = spawn(join(bin, argv[0] ?? ""), argv.slice(1), {
      ...{ cwd: release, env, detached: true, stdio: "ignore" },
    });
    if (child.pid !== undefined) started.push(child.pid);
    const service = { health: `http://127.0.0.1:${port}/health`, processes: 2 };
    let said = await askThoroughly(service);
    for (let tries = 0; tries < 120 && said.processes.length < 2; tries += 1) {
      await sleep(500);
      said = await askThoroughly(service);
    }
    endGroup(child.pid);
    return said;
  }

  it("are two", () => deepEqual([...SNIPPETS.keys()], ["health_web.py", "health_worker.py"]));

  for (const [name, argv] of [
    [
      "Flask and gunicorn",
      (port: number) => ["gunicorn", "--workers", "2", "--bind", `127.0.0.1:${port}`, "health_web:app"],
    ],
    ["Celery", () => ["celery", "-A", "tasks", "worker", "--concurrency", "2", "--loglevel", "ERROR"]],
  ] as const)
    it(`say of each process of ${name} what the contract wants`, async () => {
      const begin = Date.now();
      for (const [flag, value] of [
        ["true", true],
        ["false", false],
      ] as const) {
        const port = await freePort();
        const { processes, fault } = await askTwo(argv(port), port, flag);
        equal(fault, undefined);
        deepEqual(
          processes.map(({ release: sha, flag: said }) => [sha, said]),
          [
            [SHA, value],
            [SHA, value],
          ],
        );
        for (const { startedAt = "" } of processes) equal(Date.parse(startedAt) >= begin - 1000, true);
      }
    });
});
