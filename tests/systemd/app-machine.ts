import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Cluster, freePort, startCluster } from "../../postgres/backup/cluster.ts";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";
import { endServer } from "../database.ts";
import { TestRepository } from "../git-repository.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { SystemdMachine } from "./machine.ts";

const SOURCES = join(PROJECT_ROOT, "tests/systemd/app");
const FILES = ["analysis.py", "jobs.py", "settings.py", "store.py", "web.py", "tests/test_deal_type.py"];

/** What of Debian's packages the application needs (bin/test-packages.mjs). */
const NEEDED = [
  "/usr/bin/gunicorn",
  ...["flask", "celery", "psycopg2", "pytest", "setproctitle"].map(
    (name) => `/usr/lib/python3/dist-packages/${name}/__init__.py`,
  ),
];

/** Where the application lives on its machine. */
export const APP = "/srv/diligence";

/** An environment file as people leave them: comments, odd quotes, a flag of another name, no final line end. */
export const ENV_FILE = [
  "# kept by hand; ask ops before you change it",
  "DILIGENCE_DATABASE={database}",
  'SECRET="a b"   ',
  "export_of=nothing",
  "; an old note",
  "DEAL_TYPE_AWARENESS_OLD=1",
  "LAST=x",
].join("\n");

const service = (...lines: string[]) =>
  [
    "[Unit]",
    "StartLimitIntervalSec=30",
    "StartLimitBurst=20",
    "[Service]",
    "User=diligence",
    `WorkingDirectory=${APP}/current`,
    `EnvironmentFile=${APP}/.env`,
    "Restart=on-failure",
    "RestartSec=200ms",
    "KillMode=mixed",
    "TimeoutStopSec=20",
    ...lines,
    "",
  ].join("\n");

const celery = "/usr/bin/python3 -m celery -A jobs";

/** gunicorn behind a socket, a Celery worker without an endpoint, and one that forks away (`celery multi`). */
const units = (port: number): Record<string, string> => ({
  "diligence-web.socket": `[Socket]\nListenStream=127.0.0.1:${port}\n`,
  "diligence-web.service": service("Type=notify", "ExecStart=/usr/bin/gunicorn --workers 2 web:app"),
  "diligence-worker.service": service(`ExecStart=${celery} worker --concurrency 2 --without-mingle`),
  "diligence-multi.service": service(
    "Type=forking",
    "GuessMainPID=no",
    `ExecStart=${celery} multi start m1 m2 --concurrency=1 --pidfile=${APP}/run/%%n.pid --logfile=${APP}/log/%%n.log`,
    `ExecStop=${celery} multi stopwait m1 m2 --pidfile=${APP}/run/%%n.pid`,
  ),
});

/** What the releases are: the same application, with one file changed. */
function makeReleases() {
  const repository = new TestRepository();
  const source = (name: string) => readFileSync(join(SOURCES, name), "utf8");
  const baseline = repository.commit(Object.fromEntries(FILES.map((name) => [name, source(name)])));
  const settings = source("settings.py");
  const knowing = settings.replace(
    "return None",
    'return os.environ.get("DEAL_TYPE_AWARENESS", "") == "true"',
  );
  const feature = repository.commit({
    "settings.py": knowing.replace(
      "as this release knows it: the first one knows none",
      "as it was at start",
    ),
    "analysis.py": `${source("analysis.py")}\n# the deal type counts from here on\n`,
  });
  repository.git("checkout", "--quiet", "-b", "broken", feature);
  const jobs = source("jobs.py");
  const broken = repository.commit({ "jobs.py": `raise SystemExit("no licence for this queue")\n${jobs}` });
  repository.git("checkout", "--quiet", "main");
  const later = repository.commit({ "pages.txt": "interface" });
  const last = repository.commit({ "pages.txt": "permanent" });
  return { repository, baseline, feature, broken, interface: later, permanent: last };
}

/** A small Flask and Celery application on a machine with a real systemd, and its database. */
export class AppMachine {
  readonly machine: SystemdMachine;
  readonly cluster: Cluster;
  readonly port: number;
  readonly releases: ReturnType<typeof makeReleases>;
  readonly database: string;

  private constructor(parts: Pick<AppMachine, "machine" | "cluster" | "port" | "releases" | "database">) {
    this.machine = parts.machine;
    this.cluster = parts.cluster;
    this.port = parts.port;
    this.releases = parts.releases;
    this.database = parts.database;
  }

  /** @param shared Folders that the machine shares with this one, such as the checkout that is used there. */
  static async make(shared: string[]): Promise<AppMachine> {
    const cluster = await startCluster({ directory: temporaryFolder("cluster") });
    process.prependOnceListener("exit", () => endServer(cluster.directory));
    const database = await seed(cluster);
    const port = await freePort();
    const releases = makeReleases();
    const entries = Object.entries(units(port));
    const files = Object.fromEntries(entries.map(([name, text]) => [`/etc/systemd/system/${name}`, text]));
    files["/etc/sysusers.d/diligence.conf"] = `u diligence - "Diligence" ${APP}\n`;
    files[`${APP}/.env`] = ENV_FILE.replace("{database}", database);
    const machine = await SystemdMachine.boot({ files, shared: [...shared, releases.repository.folder] });
    const app = new AppMachine({ machine, cluster, port, releases, database });
    await app.#deployBaseline();
    return app;
  }

  async #deployBaseline(): Promise<void> {
    const { repository, baseline } = this.releases;
    await this.machine.run(
      [
        `cd ${APP} && mkdir -p releases log run queue && chmod 640 .env`,
        `git -c safe.directory='*' clone --quiet ${repository.folder} releases/${baseline}`,
        `cd releases/${baseline} && git -c safe.directory='*' checkout --quiet ${baseline} && rm -rf .git`,
        `ln -s releases/${baseline} ${APP}/current && chown -R diligence: ${APP}`,
        "systemctl start diligence-web.socket diligence-web diligence-worker diligence-multi",
      ].join(" && "),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  envFile(): Promise<string> {
    return this.machine.run(`base64 -w0 ${APP}/.env; stat -c ' %a %U' ${APP}/.env`);
  }

  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.database });
    await client.connect();
    return client;
  }

  /** Starts the database again at its port, after `cluster.stop()`. */
  async restartDatabase(): Promise<void> {
    await startCluster({ directory: this.cluster.directory, port: this.cluster.port });
  }

  async stop(): Promise<void> {
    await this.machine.stop();
    await this.cluster.stop().catch(() => undefined);
  }
}

/** 300 deals, a third without a type and some in an old spelling, of an owner who is no superuser. */
async function seed(cluster: Cluster): Promise<string> {
  const admin = new pg.Client({ connectionString: cluster.url() });
  await admin.connect();
  await admin.query("CREATE ROLE diligence LOGIN CREATEROLE PASSWORD 'diligence-on-a-test-machine'");
  await admin.query("CREATE DATABASE diligence OWNER diligence");
  await admin.end();
  const url = new URL(cluster.url("diligence"));
  url.username = "diligence";
  url.password = "diligence-on-a-test-machine";
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(`
    CREATE TABLE deals (
      id bigserial PRIMARY KEY, name text NOT NULL, target_name text NOT NULL,
      deal_type varchar(50), created_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO deals (name, target_name, deal_type)
    SELECT 'deal ' || n, 'target', (ARRAY[NULL, 'acquisition', 'carve-out', 'divestiture', 'acquisition', NULL])[n % 6 + 1]
    FROM generate_series(1, 300) n;
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('003');`);
  await client.end();
  return url.href;
}

/** Why the application cannot be run here; `undefined` where it can. */
export function missingForApp(): string | undefined {
  const gone = NEEDED.filter((file) => !existsSync(file));
  if (gone.length > 0) return `not installed: ${gone.join(", ")}`;
  return SystemdMachine.missing();
}

/** Asks the application all the time, as its users do, until it is stopped. */
export class Users {
  sent = 0;
  readonly failed: string[] = [];
  #stopped = false;
  readonly #work: Promise<unknown>;

  constructor(url: string) {
    this.#work = Promise.all([1, 2, 3].map((user) => this.#use(url, user)));
  }

  async #use(url: string, user: number): Promise<void> {
    while (!this.#stopped) {
      this.sent += 1;
      const deal = 1 + ((this.sent * 7 + user) % 300);
      await this.#ask(`${url}/api/v1/deals/${deal}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #ask(url: string): Promise<void> {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(20_000) });
      await answer.arrayBuffer();
      if (answer.status !== 200) this.failed.push(`${url}: ${answer.status}`);
    } catch (error) {
      this.failed.push(`${url}: ${error instanceof Error ? (error.cause ?? error.message) : error}`);
    }
  }

  /** @returns what failed since it began. */
  async stop(): Promise<string[]> {
    this.#stopped = true;
    await this.#work;
    return this.failed;
  }
}
