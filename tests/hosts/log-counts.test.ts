import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { localShell } from "../../hosts/local-shell.ts";
import { countLogged } from "../../hosts/log-counts.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SINCE = "2026-03-02T08:00:00.500Z";
const TYPES = ["acquisition", "carveout", "divestiture"];

/** A host's folder with a log, and what is counted in it. */
class LoggingHost {
  readonly appDir = temporaryFolder("logs");
  readonly log = join(this.appDir, "log/app.log");

  constructor(...lines: string[]) {
    mkdirSync(join(this.appDir, "log"));
    this.write(...lines);
  }
  write(...lines: string[]): void {
    appendFileSync(this.log, lines.map((line) => `${line}\n`).join(""));
  }
  async counts(logs = ["{appDir}/log/app.log"], mention?: string) {
    const question = {
      logs,
      since: SINCE,
      column: "deal_type",
      values: TYPES,
      ...(mention ? { mention } : {}),
    };
    const reader = { shell: localShell, signal: new AbortController().signal };
    const counts = await countLogged({ name: "web-1", appDir: this.appDir }, question, reader);
    return { ...counts, seen: TYPES.map((type) => counts.byValue[type]).join(" ") };
  }
}

const at = (time: string, type = "carveout") =>
  `${time} INFO analysis stored deal_id=7 deal_type=${type} n=1`;

describe("types in the logs of a host", () => {
  it("are counted by type from the restart on, to the millisecond", async () => {
    const host = new LoggingHost(
      at("2026-03-02T08:00:00.499Z"),
      at("2026-03-02T08:00:00.500Z"),
      at("2026-03-02T09:00:00Z", "acquisition"),
      at("2024-02-29T23:59:59Z", "acquisition"),
      at("2026-03-03T00:00:00Z", "divestiture"),
      "2026-03-02T09:00:00Z INFO nothing of interest",
    );
    const { seen, other, undated, faults } = await host.counts();
    assert.deepEqual([seen, other, undated, faults], ["1 1 1", 0, undefined, []]);
  });

  for (const [time, counted] of [
    ["2026-03-02T10:00:00+02:00", false],
    ["2026-03-02T10:00:01+02:00", true],
    ["2026-03-02T03:30:01-0430", true],
    ["2026-03-02T03:29:59-04:30", false],
    ["2026-03-02 12:00:00,123+00:00", true],
    ["[2026-03-02T08:00:01Z]", true],
    ["2026-03-04T12:00:00", true],
    ["2026-02-28 12:00:00,5", false],
  ] as const)
    it(`are told by their time: ${time} is ${counted ? "after" : "before"} the restart`, async () => {
      const { seen, undated } = await new LoggingHost(at(time)).counts();
      assert.deepEqual([seen, undated], [counted ? "0 1 0" : "0 0 0", undefined]);
    });

  it("are counted apart where a line has no time, another value, quotes, or another name", async () => {
    const host = new LoggingHost(
      "  File x.py, deal_type=carveout",
      at("2026-03-02T09:00:00Z", '"Carve-Out "'),
      at("2026-03-02T09:00:00Z", '"divestiture"'),
      at("2026-03-02T09:00:00Z", "none"),
      "2026-03-02T09:00:00Z INFO old_deal_type=carveout xdeal_type=carveout",
      "2026-03-02T09:00:00Z INFO {deal_type=acquisition}, deal_type=carveout;",
      at("2026-03-02T09:00:00Z", "carveout2"),
    );
    const { seen, other, undated } = await host.counts();
    assert.deepEqual([seen, other], ["1 1 1", 3]);
    assert.deepEqual(undated, { lines: 1, first: `${host.log}:1` });
  });

  it("are counted once through rotation by renaming, packing and a new file", async () => {
    const host = new LoggingHost(at("2026-03-02T09:00:00Z", "acquisition"));
    writeFileSync(`${host.log}.2.gz`, gzipSync(`${at("2026-03-02T08:30:00Z", "divestiture")}\n`));
    renameSync(host.log, `${host.log}.1`);
    host.write(at("2026-03-02T10:00:00Z"));
    assert.equal((await host.counts()).seen, "1 1 1");
    // In the midst of packing both are there.
    writeFileSync(`${host.log}.1.gz`, gzipSync("half"));
    assert.equal((await host.counts()).seen, "1 1 1");
    writeFileSync(`${host.log}-20260302.gz`, gzipSync(`${at("2026-03-02T08:40:00Z")}\n`));
    assert.equal((await host.counts()).seen, "1 2 1");
  });

  it("are counted once through copytruncate, and after it when the writer kept its place", async () => {
    const host = new LoggingHost(at("2026-03-02T09:00:00Z"));
    copyFileSync(host.log, `${host.log}.1`);
    // The cut comes while it waits for it.
    setTimeout(() => truncateSync(host.log), 300);
    assert.equal((await host.counts()).seen, "0 1 0");
    writeFileSync(host.log, `${"\0".repeat(5_000)}${at("2026-03-02T10:00:00Z")}\n`);
    assert.equal((await host.counts()).seen, "0 2 0");
  });

  it("leave old files unread, and a file that does not end with its line apart from the next", async () => {
    const host = new LoggingHost();
    writeFileSync(host.log, at("2026-03-02T10:00:00Z"));
    writeFileSync(`${host.log}.1`, at("2026-03-02T09:00:00Z", "acquisition"));
    writeFileSync(`${host.log}.2`, at("2026-03-02T09:00:00Z", "divestiture"));
    utimesSync(`${host.log}.2`, 0, 0);
    assert.equal((await host.counts()).seen, "1 1 0");
  });

  it("name a log that is not there, and count the others", async () => {
    const host = new LoggingHost(at("2026-03-02T09:00:00Z"));
    const { seen, faults } = await host.counts(["{appDir}/log/app.log", "/no/where;$(id).log"]);
    assert.deepEqual([seen, faults], ["0 1 0", ["/no/where;$(id).log is not there"]]);
  });

  it("are counted in a log of 200,000 lines", async () => {
    const host = new LoggingHost();
    const lines = Array.from({ length: 200_000 }, (_, n) => at("2026-03-02T09:00:00Z", TYPES[n % 3]));
    writeFileSync(host.log, `${lines.join("\n")}\n`);
    assert.equal((await host.counts()).seen, "66667 66667 66666");
  });
});

describe("a word in the logs of a host", () => {
  it("is counted by lines from the restart on, as a whole word wherever in the line; a line without a time tells of no writing", async () => {
    const host = new LoggingHost(
      "2026-03-02T07:00:00Z INFO FLAG=true before the restart",
      "2026-03-02T09:00:00Z INFO started, FLAG is not set, FLAG again",
      "2026-03-02T09:00:01Z INFO nothing of FLAG_OF_OLD interest",
      "  at undated (FLAG.ts:1)",
    );
    const { lines, mentions } = await host.counts(undefined, "FLAG");
    assert.deepEqual({ lines, mentions }, { lines: 2, mentions: 2 });
    const unasked = await host.counts();
    assert.deepEqual([unasked.lines, unasked.mentions], [0, 0]);
  });
});
