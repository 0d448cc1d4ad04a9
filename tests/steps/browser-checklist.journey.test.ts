import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Entry } from "../../ledger/entries.ts";
import { type EvidenceRecord, hashOf } from "../../ledger/record.ts";
import { type BrowserChecklistResult, browserChecklist } from "../../steps/browser-checklist.ts";
import type { StepDeps } from "../../steps/step.ts";
import { inBrowser, onlyPoints, RELEASE, sandboxSection, specOf } from "../browser/browser-fixture.ts";
import { FIXTURE_TABLES, FixtureApp } from "../browser/fixture-app.ts";
import type { Breaks } from "../browser/fixture-pages.ts";
import { pngSize } from "../browser/png.ts";
import { createDatabase } from "../database.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";

const switched = (phase: string) =>
  ({ phase, step: "release-switch", kind: "release-switch", state: "done" }) as Entry;

describe("browser checklist", () => {
  let url: string;
  let app: FixtureApp;
  before(async () => {
    url = await createDatabase();
    await runSql(url, ...FIXTURE_TABLES);
    app = await FixtureApp.start(url);
  });
  afterEach(() => {
    app.breaks = {};
  });
  after(() => app.stop());

  const marked = async () =>
    (await runSql(url, "SELECT id FROM deals WHERE name ~ '^rollout-check-[0-9a-f]{16}$'"))[0]?.rowCount;
  const all = async () => (await runSql(url, "SELECT id FROM deals"))[0]?.rowCount;

  /** Runs points of the sandbox's section. @returns why they failed. */
  async function failureOf(breaks: Breaks, section: Record<string, unknown>, deps: StepDeps = makeDeps(url)) {
    app.breaks = breaks;
    const error: unknown = await browserChecklist.apply(specOf(app.url, section), deps).catch((it) => it);
    assert.ok(error instanceof Error, "expected the checklist to fail");
    assert.equal(error.name, "StepError", error.stack);
    return error.message;
  }

  inBrowser(
    "finds the sandbox's ten points as they should be, with pictures, and leaves no deal",
    async () => {
      const deps = makeDeps(url);
      const result = await browserChecklist.apply(specOf(app.url), deps);
      assert.deepEqual(
        result.checked.map(({ point }) => point),
        sandboxSection().points.map(({ name }) => name),
      );
      assert.deepEqual([result.removed, await marked(), await all()], [11, 0, 2]);
      assert.ok(result.checked.every(({ ms, scans }) => ms > 0 && scans > 0));
      const sizes = result.checked.map(({ screenshots }) =>
        screenshots.map(({ path, sha256 }) => pngSize(join(deps.folder, path), sha256)),
      );
      const [wide, narrow] = [
        { width: 1280, height: 800 },
        { width: 390, height: 844 },
      ];
      const views = [wide, wide, narrow, wide];
      const [one] = [[wide]];
      assert.deepEqual(sizes, [views, one, one, one, one, views, one, views, one, one]);
      assert.equal(JSON.parse(deps.readArtifact(result.report)).points.length, 10);
    },
  );

  inBrowser("fails when a picture cannot be kept, and leaves no deal", async () => {
    const full = makeDeps(url, { saveArtifact: () => Promise.reject(new Error("ENOSPC: no space left")) });
    await assert.rejects(browserChecklist.apply(specOf(app.url, onlyPoints(1)), full), /ENOSPC/);
    assert.equal(await marked(), 0);
  });

  /** In one run go those that do not get in each other's way: a browser is started once for all of them. */
  const BREAKS: [number, keyof Breaks, RegExp][][] = [
    [
      [1, "optionalType", /expected field "Deal type" to be required, got a field that may stay empty/],
      [2, "otherDefault", /expected "Acquisition" to be chosen in field "Deal type", got "Divestiture"/],
      [3, "noConsolidation", /a row with "Consolidation" in the table "Synergies", got table "Costs"/],
      [4, "noSeparation", /a row with "Separation" in the table "Costs", got rows that say Costs TSA/],
      [5, "noExtraction", /a row with "Extraction" in the table "Costs", got rows that say Costs/],
      [7, "forgetsEdit", /"Divestiture" to be chosen in field "Deal type", got "Acquisition"/],
      [8, "tsaForAll", /no row with "TSA" in the table "Costs", got the row TSA \(transition services\)/],
      [9, "consolidationForCarveouts", /no row with "Consolidation" in the table "Synergies", got the row/],
    ],
    [
      [6, "fixedType", /"Acquisition" to be chosen in field "Deal type", got no field/],
      [10, "sameHelp", /help with "separated" for "Carve-out" in field "Deal type", got "Two IT depart/],
    ],
  ];
  for (const group of BREAKS)
    inBrowser(`fails each of ${group.length} points by what is broken of it`, async () => {
      const breaks = Object.fromEntries(group.map(([, broken]) => [broken, true]));
      const points = onlyPoints(...group.map(([number]) => number));
      const [first, ...failed] = (await failureOf(breaks, { ...points, actionSeconds: 2 })).split("\n  - ");
      assert.match(first ?? "", new RegExp(`all of ${group.length} points .*, got ${group.length} that are`));
      for (const [index, [, , said]] of group.entries()) {
        assert.match(failed[index] ?? "", said);
        assert.match(failed[index] ?? "", /^.* \(artifacts\/[0-9a-f]{12}-point-\d\d-[\w-]+-failed\.png\)\n/);
        assert.equal(failed[index]?.match(/\n {6}expected /g)?.length, 1, "one fault");
      }
      assert.equal(await marked(), 0);
    });

  inBrowser("runs every point whatever became of the others, and lists those that failed", async () => {
    const deps = makeDeps(url);
    const breaks = { optionalType: true, sameHelp: true };
    const message = await failureOf(breaks, { ...onlyPoints(1, 2, 10), actionSeconds: 2 }, deps);
    assert.match(message, /expected all of 3 points to be as they should be, got 2 that are not/);
    assert.match(
      message,
      /Create new deal, deal type is required.*\n(?:.*\n)*? {2}- Help text for each deal type/,
    );
    assert.doesNotMatch(message, /preselected/);
    assert.match(
      message,
      /Mend the interface, or browserChecklist where a point is wrong, and run again; or lower the phase\. The whole run: artifacts/,
    );
    const report = JSON.parse(deps.readArtifact(/The whole run: (\S+)/.exec(message)?.[1] ?? ""));
    const counts = report.points.map(({ faults }: { faults: unknown[] }) => faults.length);
    assert.deepEqual(counts, [1, 0, 1]);
  });

  inBrowser(
    "fails a point by errors on the way and by what axe finds, in the dark and in frames as well",
    async () => {
      const breaks = {
        consoleError: true,
        lostScript: true,
        noLabel: true,
        paleInDark: true,
        faultInFrame: true,
      };
      const message = await failureOf(breaks, onlyPoints(1));
      for (const said of [
        /got console error: deal form is not ready \(http.*\/deals\/create\)/,
        /got request: GET http:.*\/lost\.js answered 404/,
        /axe rule label \(critical\) at input\[name="extra"\], iframe input of \/deals\/create/,
        /axe rule color-contrast \(serious\) at h1, .* of \/deals\/create/,
      ])
        assert.match(message, said);
    },
  );

  inBrowser("lets pass what the configuration says to ignore", async () => {
    app.breaks = { consoleError: true, lostScript: true, noLabel: true };
    const ignored = { ignore: ["form is not ready", "/lost\\.js"], ignoreRules: ["label"] };
    const result = await browserChecklist.apply(
      specOf(app.url, { ...onlyPoints(2), ...ignored }),
      makeDeps(url),
    );
    assert.equal(result.checked.length, 1);
  });

  inBrowser(
    "leaves out of the scan what the configuration says, with the reason in output and result",
    async () => {
      const [point] = onlyPoints(1).points;
      const scanned = async (withoutScan: object[]) => {
        app.breaks = { noLabel: true };
        const deps = makeDeps(url);
        const result = await browserChecklist.apply(specOf(app.url, { points: [point], withoutScan }), deps);
        return { unscanned: result.checked[0]?.unscanned, lines: deps.lines.join("\n") };
      };
      const reason = "the vendor mends it";
      const byPage = await scanned([{ page: "/deals/create", reason }]);
      assert.deepEqual(byPage.unscanned, [`/deals/create: ${reason}`]);
      assert.match(
        byPage.lines,
        /browser-checklist: not scanned by axe: \/deals\/create: the vendor mends it/,
      );
      const byPoint = await scanned([{ point: point?.name, reason }]);
      assert.ok(byPoint.unscanned?.includes(`/deals/create: ${reason}`));
      await assert.rejects(scanned([{ page: "/deals/{id}", reason }]), /axe rule label/);
    },
  );

  inBrowser("does not scan an answer that is JSON, and says so", async () => {
    app.breaks = {};
    const server = createServer((_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end('{"id":7}'),
    );
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const points = [{ name: "Saved", actions: [{ open: "/saved" }] }];
    try {
      const spec = specOf(`http://127.0.0.1:${port}`, { points });
      const { checked } = await browserChecklist.apply(spec, makeDeps(url));
      assert.deepEqual(checked[0]?.unscanned, ["/saved: it is application/json, no page"]);
      assert.equal(checked[0]?.scans, 0);
    } finally {
      server.close();
    }
  });

  inBrowser("gives up a page that never answers, and one that never comes to rest", async () => {
    const [point] = onlyPoints(2).points;
    const message = await failureOf({ hangs: true }, { points: [point], actionSeconds: 1 });
    assert.match(message, /expected a page at \/deals\/create, got Timeout 1000ms exceeded/);
    const busy = await failureOf({ busy: true }, { points: [point], pointSeconds: 8, actionSeconds: 30 });
    assert.match(busy, /expected the point to end within 8 s, got still (busy with|scanning)/);
  });

  inBrowser("removes its deals also when it is cancelled in the midst", async () => {
    const cancel = new AbortController();
    const log = () => cancel.abort(new Error("cancelled by a test"));
    const deps = makeDeps(url, { signal: cancel.signal, log });
    await assert.rejects(
      browserChecklist.apply(specOf(app.url, onlyPoints(3, 4)), deps),
      /cancelled by a test/,
    );
    assert.equal(await marked(), 0);
  });

  it("refuses before anything is done: no browser, no answer, no column, no section, no way to remove", async () => {
    const missing = specOf("http://127.0.0.1:9", { browser: { executable: "no-such-browser" } });
    const deps = makeDeps(url);
    const testDeals = { field: "title", remove: { path: "/deals/{key}" } };
    const { blockers } = await browserChecklist.observe({ ...missing, testDeals }, deps);
    assert.match(
      blockers[0] ?? "",
      /expected a browser \(no-such-browser\), got none\. Install one: apt-get install chromium;/,
    );
    assert.match(blockers[1] ?? "", /expected a column title in public\.deals, got none/);
    assert.match(blockers[2] ?? "", /expected http:\/\/127\.0\.0\.1:9 to answer, got ECONNREFUSED/);
    await assert.rejects(browserChecklist.apply(missing, deps), /expected a browser/);
    const { browserChecklist: _, ...bare } = missing;
    assert.match(
      (await browserChecklist.observe(bare, deps)).blockers[0] ?? "",
      /expected browserChecklist in/,
    );
    const { testDeals: __, ...endless } = missing;
    assert.match((await browserChecklist.observe(endless, deps)).blockers[0] ?? "", /expected smokeTest in/);
  });

  it("says in preview which points it will run, in which browser, and starts none", async () => {
    const spec = specOf(app.url, { browser: { executable: "/bin/true" } });
    const { plan, blockers } = await browserChecklist.observe(spec, makeDeps(url));
    assert.match(
      plan[0] ?? "",
      /^runs 10 points at http:.* in \/bin\/true.*, with test deals that are removed$/,
    );
    assert.equal(plan[10], "point 10: Help text for each deal type");
    assert.deepEqual(blockers, []);
  });

  inBrowser("logs in once, by a secret that is in no message and no evidence", async () => {
    const login = [
      { open: "/login" },
      { fill: { Password: "{secret:CHECK_PASSWORD}" } },
      { click: 'button "Log in"' },
      { expect: { visible: 'heading "Deals"' } },
    ];
    const section = { ...onlyPoints(2), login, actionSeconds: 2 };
    delete process.env.CHECK_PASSWORD;
    const { blockers } = await browserChecklist.observe(specOf(app.url, section), makeDeps(url));
    assert.match(blockers[0] ?? "", /expected the variable CHECK_PASSWORD in the environment, got none/);
    process.env.CHECK_PASSWORD = "canary-secret";
    try {
      const message = await failureOf({ login: true }, section);
      assert.match(message, /expected heading "Deals" to be seen at the login, got heading "Log in"/);
      assert.doesNotMatch(message, /canary/);
      process.env.CHECK_PASSWORD = "open sesame";
      const deps = makeDeps(url);
      const result = await browserChecklist.apply(specOf(app.url, section), deps);
      assert.doesNotMatch(JSON.stringify(result) + deps.readArtifact(result.report), /sesame/);
    } finally {
      delete process.env.CHECK_PASSWORD;
    }
  });

  describe("once it is done", () => {
    const KEY = "pre-flight/browser-checklist";
    function doneWith(spec: object, result: object, records: EvidenceRecord[] = []) {
      const entry = {
        state: "done",
        phase: "pre-flight",
        step: "browser-checklist",
        since: 1,
        digest: hashOf(spec),
        result,
      } as Entry;
      const evidence = {
        entries: () => new Map([[KEY, { ...entry, doneNumber: 2 }]]),
        records: () => records,
      };
      return makeDeps(url, { evidence });
    }

    inBrowser("keeps the gate shut until a person ticked each human point of this release", async () => {
      const section = { ...onlyPoints(2), humanPoints: ["it looks right"] };
      const result = await browserChecklist.apply(specOf(app.url, section), makeDeps(url));
      assert.deepEqual(
        [result.subject, result.points, result.gate.length],
        [`release ${RELEASE.slice(0, 12)}`, ["it looks right"], 1],
      );
      const { gate } = await browserChecklist.observe(
        specOf(app.url, section),
        doneWith(specOf(app.url, section), { ...result, checked: [] }),
      );
      assert.match(gate?.[0] ?? "", /expected the point "it looks right" to be ticked, got no tick/);
      const spec = specOf(app.url, section, { checkedBy: "sandbox" });
      const ticked = await browserChecklist.apply(spec, makeDeps(url));
      assert.deepEqual([ticked.checkedBy, ticked.gate], ["sandbox", []]);
    });

    it("drifts when a picture is gone or was changed", async () => {
      const deps = makeDeps(url);
      const path = await deps.saveArtifact("a.png", "a picture");
      const sha256 = createHash("sha256").update("a picture").digest("hex");
      const screenshots = [
        { path, sha256 },
        { path, sha256: "0".repeat(64) },
        { path: "artifacts/b.png", sha256 },
      ];
      const checked = [{ point: "p", ms: 1, scans: 1, screenshots }];
      const spec = specOf(app.url);
      const identity = { ...spec.identity, evidenceUrl: `file:${deps.folder}` };
      const result = { checked, subject: "s", points: [] } as unknown as BrowserChecklistResult;
      const { drift, blockers } = await browserChecklist.observe(
        { ...spec, identity },
        doneWith({ ...spec, identity }, result),
      );
      assert.deepEqual(drift, [
        { expected: `${path} as it was taken`, observed: "another content" },
        { expected: "the picture artifacts/b.png", observed: "no such file" },
      ]);
      assert.deepEqual(blockers, []);
    });

    it("does not look at the permanent release in the name of a patched interface: it says what to do", async () => {
      const spec = specOf(app.url);
      const identity = { ...spec.identity, phase: "interface-rollout" };
      const before = { ...spec, identity };
      const own = { state: "done", kind: "browser-checklist", since: 1, digest: hashOf(before) };
      const result = { checked: [], subject: "s", points: [] };
      const entries = new Map([
        ["interface-rollout/browser-checklist", { ...own, result } as unknown as Entry],
        ["validation/release-switch", { ...switched("validation"), since: 2 }],
      ]);
      const deps = makeDeps(url, { evidence: { entries: () => entries, records: () => [] } });
      assert.deepEqual((await browserChecklist.observe(before, deps)).blockers, []);
      const patched = { ...before, basis: { release: "9".repeat(40) } };
      const said =
        /browser-checklist: expected release 9{12} to be what users see, got validation release-switch, .* set phase 3 --stack/;
      assert.match((await browserChecklist.observe(patched, deps)).blockers[0] ?? "", said);
      await assert.rejects(browserChecklist.apply(patched, deps), said);
      // Neither are pictures taken anew that are gone.
      const screenshots = [{ path: "artifacts/gone.png", sha256: "" }];
      Object.assign(result, { checked: [{ point: "p", screenshots }] });
      const { drift, blockers } = await browserChecklist.observe(before, deps);
      assert.deepEqual([drift.length, blockers.length], [1, 1]);
      // In phase 3 it is what users see.
      entries.set("validation/release-switch", { ...switched("validation"), since: 2, state: "undone" });
      assert.doesNotMatch((await browserChecklist.observe(patched, deps)).blockers.join(), /replaced/);
    });

    it("has nothing to undo, and needs neither database nor application for that", async () => {
      const down = {
        ...doneWith(specOf("http://127.0.0.1:9"), {}),
        connect: () => Promise.reject(new Error("down")),
      };
      const result = { checked: [] } as unknown as BrowserChecklistResult;
      const { summary } = await browserChecklist.undo(specOf("http://127.0.0.1:9"), down, result);
      assert.equal(summary, "nothing to undo: its test deals were removed");
    });
  });
});
