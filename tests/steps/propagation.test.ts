import assert from "node:assert/strict";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { localShell } from "../../hosts/local-shell.ts";
import type { Entry } from "../../ledger/entries.ts";
import { createPropagation, type PropagationSpec, propagation } from "../../steps/propagation.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, makeDeps } from "./preflight-deps.ts";

const TYPES = ["acquisition", "carveout", "divestiture"];
const hasty = createPropagation({ waitSeconds: 1 });

/** Two hosts whose processes were restarted at a time of their own. */
class Fleet {
  readonly folder = temporaryFolder("fleet");
  readonly hosts = ["web-1", "web-2"].map((name) => ({ name, appDir: join(this.folder, name) }));

  constructor() {
    for (const { appDir } of this.hosts) mkdirSync(appDir);
  }
  log(host: number, time: string, type: string): void {
    appendFileSync(
      join(this.hosts[host]?.appDir ?? "", "app.log"),
      `${time} INFO analysis deal_type=${type}\n`,
    );
  }
  logAll(): void {
    this.log(0, "2026-03-02T08:59:59Z", "divestiture");
    this.log(0, "2026-03-02T09:00:01Z", "acquisition");
    this.log(0, "2026-03-02T09:00:02Z", "acquisition");
    this.log(1, "2026-03-02T09:30:01Z", "carveout");
    this.log(1, "2026-03-02T09:30:02Z", "divestiture");
  }
  spec(changed: object = {}): PropagationSpec {
    const own = { hosts: this.hosts, logs: ["{appDir}/app.log"], column: "deal_type", allowed: TYPES };
    const basis = { release: "f".repeat(40), flag: true };
    return propagation.spec.parse({ ...baseSpec("propagation"), ...own, basis, ...changed });
  }
  deps(restarted: string[] = ["web-1", "web-2"]) {
    const startedAt = { "web-1": "2026-03-02T09:00:00Z", "web-2": "2026-03-02T09:30:00Z" };
    const hosts = Object.entries(startedAt)
      .filter(([host]) => restarted.includes(host))
      .map(([host, first]) => ({
        ...{ host, state: "proven" },
        processes: [{ startedAt: "2026-03-02T09:59:00Z" }, { startedAt: first }],
      }));
    const entry = (when: string, result: object) =>
      ({
        phase: "pre-flight",
        kind: "service-restart",
        state: "done",
        spec: { when },
        result,
      }) as unknown as Entry;
    const entries = new Map([
      ["pre-flight/opening-restart", entry("opening", { release: "a".repeat(40), flag: null, hosts: [] })],
      ["pre-flight/closing-restart", entry("closing", { release: "b".repeat(40), flag: true, hosts })],
    ]);
    return makeDeps("", { shell: localShell, evidence: { entries: () => entries, records: () => [] } });
  }
}

describe("propagation", () => {
  it("counts each type since the restart of each host, over all hosts", async () => {
    const fleet = new Fleet();
    fleet.logAll();
    const deps = fleet.deps();
    assert.deepEqual((await propagation.observe(fleet.spec(), deps)).blockers, []);
    const { total, hosts } = await propagation.apply(fleet.spec(), deps);
    assert.deepEqual(total, { acquisition: 2, carveout: 1, divestiture: 1 });
    assert.deepEqual(
      hosts.map(({ host, since }) => `${host} ${since}`),
      ["web-1 2026-03-02T09:00:00Z", "web-2 2026-03-02T09:30:00Z"],
    );
    assert.match(
      deps.lines[0] ?? "",
      /^propagation: web-1 since .*: 2 acquisition, 0 carveout, 0 divestiture$/,
    );
  });

  it("stops when a type that was tried is not in any log since the restart", async () => {
    const fleet = new Fleet();
    fleet.log(0, "2026-03-02T09:00:01Z", "acquisition");
    fleet.log(1, "2026-03-02T09:29:59Z", "divestiture");
    await assert.rejects(hasty.apply(fleet.spec(), fleet.deps()), {
      name: "StepError",
      message:
        /got:\n {2}- no line with deal_type=carveout on any host\n {2}- no line with deal_type=divestiture on any host\n/,
    });
  });

  it("waits for lines that are not written yet", async () => {
    const fleet = new Fleet();
    const run = propagation.apply(fleet.spec(), fleet.deps());
    setTimeout(() => fleet.logAll(), 200);
    assert.equal((await run).total.divestiture, 1);
  });

  it("stops on a host whose log is missing or whose restart nobody recorded", async () => {
    const fleet = new Fleet();
    fleet.logAll();
    const logs = ["{appDir}/app.log", "{appDir}/celery.log"];
    await assert.rejects(
      hasty.apply(fleet.spec({ logs }), fleet.deps()),
      /web-1: \/\S+\/web-1\/celery\.log is not there\n/,
    );
    await assert.rejects(
      hasty.apply(fleet.spec(), fleet.deps(["web-1"])),
      /web-2: no restart of it is in the evidence\n/,
    );
  });

  it("only counts with the flag off, whatever is missing", async () => {
    const fleet = new Fleet();
    fleet.log(0, "2026-03-02T09:00:01Z", "acquisition");
    const basis = { release: "f".repeat(40), flag: false };
    const deps = fleet.deps(["web-1"]);
    const { total } = await propagation.apply(fleet.spec({ basis }), deps);
    assert.deepEqual(total, { acquisition: 1, carveout: 0, divestiture: 0 });
    assert.match(deps.lines.join("\n"), /not counted: web-2: no restart of it is in the evidence/);
    assert.deepEqual((await propagation.observe(fleet.spec({ basis, logs: [] }), deps)).blockers, []);
  });

  it("counts nothing when it is done again while a later phase owns release and flag", async () => {
    const fleet = new Fleet();
    const deps = fleet.deps([]);
    const entries = new Map(deps.evidence.entries());
    const kinds = ["propagation", "release-switch", "env-flag"];
    kinds.forEach((kind, index) => {
      const phase = kind === "propagation" ? "pre-flight" : "validation";
      const entry = { phase, step: kind, kind, state: "done", since: index, spec: {} };
      entries.set(`${phase}/${kind}`, entry as unknown as Entry);
    });
    const owned = { ...deps, evidence: { entries: () => entries, records: () => [] } };
    assert.deepEqual(await hasty.apply(fleet.spec(), owned), {
      ...{ hosts: [], total: {}, supersededBy: "validation env-flag" },
    });
    const { plan, blockers } = await hasty.observe(fleet.spec({ logs: [] }), owned);
    assert.deepEqual([plan, blockers], [["counts nothing: validation env-flag owns what ran here"], []]);
  });

  it("says in preview which log has no time that is understood, and which is not there yet", async () => {
    const fleet = new Fleet();
    fleet.logAll();
    appendFileSync(join(fleet.hosts[1]?.appDir ?? "", "worker.log"), "INFO:app:deal_type=carveout\n");
    const logs = ["{appDir}/app.log", "{appDir}/worker.log"];
    const { blockers, plan } = await propagation.observe(fleet.spec({ logs }), fleet.deps());
    const worker = join(fleet.folder, "web-2/worker.log");
    assert.deepEqual(blockers, [
      `propagation: expected lines with a time in ${worker} on web-2, got none whose time is understood (${worker}:1). ` +
        "Have the application log the time, or name its journal in deployment.logs: docs/code-deployment-checks.md.",
    ]);
    assert.match(plan[1] ?? "", /^by now, on web-1: \S+\/web-1\/worker\.log is not there$/);
  });

  it("names what was not understood beside the type that is missing", async () => {
    const fleet = new Fleet();
    fleet.logAll();
    fleet.log(1, "2026-03-02T09:40:00Z", "carveout");
    const line = "2026-03-02T09:50:00Z INFO deal_type is carveout\n";
    appendFileSync(join(fleet.hosts[0]?.appDir ?? "", "app.log"), line);
    const spec = fleet.spec({ allowed: [...TYPES, "merger"] });
    await assert.rejects(hasty.apply(spec, fleet.deps()), {
      message:
        /- web-1: 1 line not understood, first at \S+app\.log:4: it names deal_type without a value\n {2}- no line with deal_type=merger on any host/,
    });
  });

  it("refuses a flag that is on without a log to count in", async () => {
    const { blockers } = await propagation.observe(new Fleet().spec({ logs: [] }), makeDeps(""));
    assert.match(
      blockers[0] ?? "",
      /expected logs to count in, got none\. Name the application's logs in deployment\.logs/,
    );
  });

  it("names a host that can't be reached", async () => {
    const fleet = new Fleet();
    const hosts = [{ ...fleet.hosts[0], connection: { host: "10.0.0.1" } }];
    await assert.rejects(
      hasty.apply(fleet.spec({ hosts }), fleet.deps()),
      /web-1: .*Remote hosts are not built yet/,
    );
  });
});
