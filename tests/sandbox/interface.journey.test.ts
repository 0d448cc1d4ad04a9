import assert from "node:assert/strict";
import { join } from "node:path";
import { execa } from "execa";
import pg from "pg";
import { freePort } from "../../postgres/backup/cluster.ts";
import { APP, REPORT } from "../../sandbox/database/roles.ts";
import { seed } from "../../sandbox/database/seed.ts";
import { runTraffic } from "../../sandbox/index.ts";
import type { ReleaseName } from "../../sandbox/releases/releases.ts";
import { checkOutRelease, ensureRepository } from "../../sandbox/releases/repository.ts";
import { createDatabase } from "../database.ts";
import { makeCheckout, removeFiles } from "./checkout.ts";
import { until } from "./fleet.ts";

const DEALS = 400;
const FORM = { name: "Project Łódź", target_name: "株式会社東海", currency: "EUR", status: "open" };

/** A web process, as a host runs one. */
const spawnWeb = (folder: string, env: Record<string, string>) =>
  execa(process.execPath, ["--import", "tsx", "web.ts"], { cwd: folder, env, reject: false });

describe("the pages of the app, on PostgreSQL", () => {
  let checkout: string;
  let database: string;
  let rows: pg.Client;
  let web: ReturnType<typeof spawnWeb> | undefined;
  let app: string;

  before(async () => {
    checkout = makeCheckout();
    database = await createDatabase("pages");
    rows = new pg.Client({ connectionString: database });
    await rows.connect();
    for (const role of [APP, REPORT])
      await rows.query(`DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
    await seed(rows, { deals: DEALS, unmapped: true }, () => undefined);
  });
  afterEach(() => stop());
  after(async () => {
    await rows.end();
    removeFiles(checkout);
  });

  /** Has this release answer, in one process. */
  async function start(name: ReleaseName, flag?: boolean): Promise<void> {
    const repository = join(checkout, "repository");
    const sha = (await ensureRepository(repository))[name];
    const folder = join(checkout, "releases", sha);
    await checkOutRelease(repository, sha, folder);
    const port = await freePort();
    const env = { DATABASE_URL: database, LOG_DIR: join(checkout, "log"), PORT: String(port) };
    web = spawnWeb(folder, { ...env, ...(flag !== undefined && { DEAL_TYPE_AWARENESS: String(flag) }) });
    app = `http://127.0.0.1:${port}`;
    await until("the app to answer", () =>
      fetch(`${app}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  async function stop(): Promise<void> {
    web?.kill("SIGKILL");
    await web;
    web = undefined;
  }

  async function look(path: string): Promise<string> {
    const response = await fetch(app + path, { headers: { accept: "text/html" } });
    assert.equal(response.status, 200, path);
    return response.text();
  }

  const fillIn = (path: string, fields: Record<string, string>) =>
    fetch(app + path, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });

  const typeOf = async (id: string) =>
    (await rows.query("SELECT deal_type FROM deals WHERE id = $1", [id])).rows[0].deal_type;

  /** A deal made by the form, its type changed by the other. */
  async function createAndEdit(): Promise<string> {
    const created = await fillIn("/deals/create", { ...FORM, deal_type: "carveout", employees: "1,200" });
    const path = created.headers.get("location") ?? "";
    const id = /^\/deals\/(\d+)$/.exec(path)?.[1] ?? "";
    assert.equal(await typeOf(id), "carveout");
    const edited = await fillIn(`${path}/edit`, { ...FORM, deal_type: "divestiture", employees: "1,200" });
    assert.deepEqual([edited.status, edited.headers.get("location")], [303, path]);
    assert.equal(await typeOf(id), "divestiture");
    return path;
  }

  it("list every deal once, newest first", async () => {
    await start("interface", true);
    const seen: number[] = [];
    for (let path: string | undefined = "/deals"; path; ) {
      const page = await look(path);
      seen.push(...[...page.matchAll(/<a href="\/deals\/(\d+)">/g)].map(([, id]) => Number(id)));
      path = /href="([^"]+)" rel="next"/.exec(page)?.[1];
    }
    const { rows: all } = await rows.query("SELECT id FROM deals ORDER BY id DESC");
    assert.deepEqual(
      seen,
      all.map(({ id }) => Number(id)),
    );
  });

  it("show and offer for editing every deal, whatever its type was spelt like or if it has none", async () => {
    await start("interface", true);
    const { rows: types } = await rows.query("SELECT min(id)::text AS id, deal_type FROM deals GROUP BY 2");
    assert.ok(types.length > 15);
    for (const { id, deal_type: type } of types) {
      const shown = /<span class="type (\w+)">/.exec(await look(`/deals/${id}`))?.[1];
      assert.match(String(shown), /^(acquisition|carveout|divestiture)$/);
      if (type === null || type === "Acquisition") assert.equal(shown, "acquisition");
      if (type === "carve-out") assert.equal(shown, "carveout");
      assert.match(await look(`/deals/${id}/edit`), new RegExp(`<option value="${shown}" selected`));
    }
  });

  for (const flag of [true, false])
    it(`create and edit deals, with the flag ${flag ? "on" : "off"}`, async () => {
      await start("interface", flag);
      const report = await look(await createAndEdit());
      assert.equal(report.includes(">Extraction<"), flag);
      assert.equal(report.includes(">Consolidation<"), !flag);
    });

  it("create and edit deals in the release without a flag", async () => {
    await start("permanent");
    assert.ok((await look(await createAndEdit())).includes(">Extraction<"));
  });

  it("say what is wrong when the database refuses a deal, and when it is away", async () => {
    await start("interface", true);
    await rows.query("ALTER TABLE deals ADD CONSTRAINT no_euro CHECK (currency <> 'EUR') NOT VALID");
    const refused = await fillIn("/deals/create", { ...FORM, deal_type: "carveout" });
    await rows.query("ALTER TABLE deals DROP CONSTRAINT no_euro");
    assert.equal(refused.status, 422);
    assert.match(await refused.text(), /role="alert".*A rule of the database refuses this deal/s);
    await rows.query("ALTER TABLE deals RENAME TO gone");
    const failed = await fetch(`${app}/deals`, { headers: { accept: "text/html" } });
    await rows.query("ALTER TABLE gone RENAME TO deals");
    assert.equal(failed.status, 500);
    assert.match(await failed.text(), /<h1>Something went wrong<\/h1>/);
  });

  for (const flag of [true, false])
    it(`leave the API as its clients know it, with the flag ${flag ? "on" : "off"}`, async () => {
      await start("interface", flag);
      const { sent, failed, refused, failures } = await runTraffic({ app, rate: 40, seconds: 3 });
      assert.deepEqual([sent, failed, refused], [120, 0, 0], failures.join("\n"));
    });
});
