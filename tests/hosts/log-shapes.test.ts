import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { findOnPath } from "../../bin/programs.mjs";
import { readLogged } from "../../hosts/log-lines.ts";
import { peekLogs } from "../../hosts/log-peek.ts";
import { LoggingHost, reader, TYPES } from "./logging-host.ts";

const ISO = "2026-03-02T09:00:00Z";

describe("what a line says of a field", () => {
  for (const line of [
    `${ISO} INFO stored deal_type=carveout n=1`,
    `${ISO} INFO stored deal_type='carveout'`,
    `${ISO} INFO stored deal_type="carveout"`,
    `${ISO} INFO stored deal_type: carveout`,
    `${ISO} INFO stored deal_type: carveout.`,
    `${ISO} INFO stored deal_type = 'carveout'`,
    `${ISO} INFO stored {'deal_id': 7, 'deal_type': 'carveout'}`,
    `${ISO} INFO stored {"deal_id": 7, "deal_type":"carveout"}`,
    `${ISO} INFO payload="{\\"deal_type\\": \\"carveout\\"}"`,
    `${ISO} INFO Deal(id=7, deal_type=<DealType.CARVEOUT: 'carveout'>)`,
    `${ISO} INFO {:id=>7, :deal_type=>"carveout"}`,
    `${ISO} INFO GET /deals?deal_type=carveout&page=2`,
    `${ISO} [\u001b[32minfo\u001b[0m] stored \u001b[36mdeal_type\u001b[0m=\u001b[35mcarveout\u001b[0m`,
    `time=${ISO} level=info msg="deal stored" deal_type=carveout`,
    `level=info msg="deal stored" deal_type="carveout" ts=1772442000.123`,
    `{"timestamp":"${ISO}","level":"info","deal_type":"carveout"}`,
    `{"deal":{"id":7,"deal_type":"carveout"},"log":{"level":"info"},"@timestamp":"${ISO}"}`,
    `{"level":30,"time":1772442000123,"pid":1,"deal_type":"carveout","msg":"deal_type=carveout stored"}`,
    `{"ts":1772442000.5,"msg":"stored deal_type=carveout"}`,
    `{"asctime":"2026-03-02 09:00:00,123","message":"{\\"deal_type\\":\\"carveout\\"}"}`,
    `{"record":{"time":{"repr":"x","timestamp":1772442000.1},"extra":{"deal_type":"carveout"}},"text":"a"}`,
    `{"log":"2026-03-02 09:00:00 INFO deal_type='carveout'\\n","stream":"stdout"}`,
    `{"deals":[{"deal_type":"carveout"}],"timestamp":{"seconds":1772442000,"nanos":5}}`,
    // nginx as JSON, Log4j, Serilog, zap as it is for developers.
    `{"time_local":"02/Mar/2026:09:00:00 +0000","args":"deal_type=carveout"}`,
    `{"time_iso8601":"2026-03-02T09:00:00+00:00","args":"deal_type=carveout"}`,
    `{"msec":"1772442000.123","args":"deal_type=carveout"}`,
    `{"instant":{"epochSecond":1772442000,"nanoOfSecond":1},"message":"deal_type=carveout"}`,
    `{"timeMillis":1772442000123,"message":"deal_type=carveout"}`,
    `{"@t":"${ISO}","@mt":"stored","deal_type":"carveout"}`,
    `{"Timestamp":"${ISO}","Properties":{"deal_type":"carveout"}}`,
    `{"L":"INFO","T":"${ISO}","M":"stored","deal_type":"carveout"}`,
    "Mar 02, 2026 9:00:00 AM app.Deals store INFO: deal_type=carveout",
    "Mon Mar 02 2026 10:00:00 GMT+0100 (Central European Standard Time) deal_type=carveout",
  ])
    it(`is read, once: ${line.replaceAll("\u001b", "^")}`, async () => {
      const { seen, other, undated, unclear } = await new LoggingHost(line).counts();
      assert.deepEqual(
        { seen, other, undated, unclear },
        { seen: "0 1 0", other: 0, undated: undefined, unclear: undefined },
      );
    });

  for (const [shown, utc] of [
    ["2026-03-02 12:30:00 AM", "00:30"],
    ["2026-03-02 09:00:00 PM", "21:00"],
    ["Mar 02, 2026 9:00:00.5 pm", "21:00"],
    ["Mar 2, 2026 12:00:00 PM", "12:00"],
    ["2026-03-02 09:00:00 GMT+01:00", "08:00"],
    ["2026-03-02 09:00:00 UTC-3", "12:00"],
    ["2026-03-02 09:00:00 GMT", "09:00"],
    ["2026-03-02 09:00:00 -1 left", "09:00"],
  ] as const)
    it(`is dated by the whole of its clock: ${shown} is ${utc}`, async () => {
      const host = new LoggingHost(`${shown} INFO deal_type=carveout`);
      const at = Date.parse(`2026-03-02T${utc}:00Z`);
      const seenSince = async (ms: number) =>
        (await host.counts({ since: new Date(ms).toISOString(), timeZone: "UTC" })).seen;
      assert.deepEqual([await seenSince(at - 1_000), await seenSince(at + 1_000)], ["0 1 0", "0 0 0"]);
    });

  it("is read of a log that was rotated under a name of its own, and of no other process's", async () => {
    const line = `${ISO} INFO deal_type=carveout`;
    const host = new LoggingHost(line);
    const names = [
      "app.2026-03-02.0.log",
      "app.1.log",
      "app-2026-03-02T09-00-00.000.log",
      "app-1.log",
      "app-web.log",
    ];
    for (const name of names) writeFileSync(join(host.appDir, name), `${line}\n`);
    execFileSync("gzip", [join(host.appDir, "app-2026-03-02T09-00-00.000.log")]);
    assert.equal((await host.counts()).seen, "0 4 0");
    writeFileSync(join(host.appDir, "app.2026-03-01.log.zip"), "not a zip");
    assert.match((await host.counts()).faults.join(), /app\.2026-03-01\.log\.zip can't be unpacked/);
  });

  for (const [line, what] of [
    [`${ISO} INFO deal_type was left out`, "unclear"],
    [`{"timestamp":"${ISO}","deal_type":{"was":"x"}}`, "unclear"],
    ["INFO:app:stored deal_type=carveout", "undated"],
    ["03/02/2026 09:00:00 AM stored deal_type=carveout", "undated"],
    ["deal_type=carveout closes 2026-01-01 00:00:00", "undated"],
  ] as const)
    it(`is told with its place when it is not understood (${what}): ${line}`, async () => {
      const host = new LoggingHost(`${ISO} INFO old_deal_type=carveout`.replace(ISO, "started"), line);
      const counts = await host.counts();
      assert.deepEqual([counts.seen, counts[what]], ["0 0 0", { lines: 1, first: `${host.log}:2` }]);
    });
});

describe("when a line was written", () => {
  for (const time of [
    "2026-03-02 09:00:00,123",
    "[2026-03-02 09:00:00 +0000] [7] [INFO]",
    "[2026-03-02 09:00:00,123: INFO/MainProcess]",
    "INFO 2026-03-02 09:00:00,123 deals 7 140",
    "[INFO] 2026-03-02 09:00:00.123 -",
    "[INFO 2026-03-02 09:00:00]",
    "WARNING:app:2026-03-02 09:00:00 ".replace("WARNING:app:", "WARNING app "),
    "I, [2026-03-02T09:00:00.123456 #7]  INFO -- :",
    "2026-03-02 09:00:00.123 UTC [7] LOG: ",
    "2026-03-02 10:00:00 CET",
    "2026-03-02 09:00:00+00",
    "2026/03/02 09:00:00 [error] 7#7:",
    '127.0.0.1 - frank [02/Mar/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 -',
    "02-Mar-2026 09:00:00.123 INFO [main]",
    "[Mon Mar 02 09:00:00.123456 2026] [wsgi:error] [pid 7]",
    "Mon, 02 Mar 2026 09:00:00 GMT",
    "Mar  2 09:00:00 web-1 app[7]:",
    "<14>1 2026-03-02T09:00:00Z web-1 app 7 - -",
    "<14>Mar  2 09:00:00 web-1 app[7]:",
    "I0302 09:00:00.123456       7 main.go:1]",
    "1772442000 INFO",
    "[1772442000.123]",
    "1772442000123 INFO",
    "web-1  | 2026-03-02T09:00:00Z",
    "{'time': '2026-03-02 09:00:00', 'x': 1}",
  ])
    it(`is read of ${time}`, async () => {
      const line = `${time} deal_type=carveout`;
      // The year of syslog's lines is the last one that is no future: also of a line that is 9 months old.
      const after = await new LoggingHost(line).counts({ timeZone: "UTC" });
      const before = await new LoggingHost(line).counts({ timeZone: "UTC", since: "2026-03-02T09:00:01Z" });
      assert.deepEqual(
        [after.seen, after.undated, before.seen, before.undated],
        ["0 1 0", undefined, "0 0 0", undefined],
      );
    });

  it("is of the line before for the lines of a trace, also where that names nothing itself", async () => {
    const trace = (time: string) => [
      `${time} ERROR app could not store`,
      "Traceback (most recent call last):",
      '  File "deals.py", line 7, in store at 12:30:00',
      "ValueError: deal_type='carveout' since 2020-01-01 00:00:00",
    ];
    const host = new LoggingHost(...trace("2026-03-02 07:59:59"), ...trace("2026-03-02 09:00:00"));
    const { seen, undated } = await host.counts({ timeZone: "UTC" });
    assert.deepEqual([seen, undated], ["0 1 0", undefined]);
  });

  it("is by the day's own offset: summer's lines in winter, by the host's zone or the configured one", async () => {
    const host = new LoggingHost(
      "2026-07-01 11:59:59 deal_type=acquisition",
      "2026-07-01 12:00:01 deal_type=carveout",
    );
    const since = "2026-07-01T10:00:00Z";
    assert.equal((await host.counts({ since, timeZone: "Europe/Berlin" })).seen, "0 1 0");
    assert.equal((await host.counts({ since, timeZone: "UTC" })).seen, "1 1 0");
    host.program("timedatectl", "echo Europe/Berlin");
    assert.equal((await host.counts({ since })).seen, "0 1 0");
    host.program("timedatectl", "echo America/New_York");
    assert.equal((await host.counts({ since: "2026-07-01T16:00:00Z" })).seen, "0 1 0");
  });

  it("is unknown in the hour that the clock shows twice, unless the file's order tells", async () => {
    const twice = (type: string) => `2026-10-25 02:30:00 deal_type=${type}`;
    const since = "2026-10-25T01:00:00Z";
    const host = new LoggingHost(twice("carveout"));
    const asked = { since, timeZone: "Europe/Berlin" };
    const { seen, undated } = await host.counts(asked);
    assert.deepEqual([seen, undated], ["0 0 0", { lines: 1, first: `${host.log}:1` }]);
    const ordered = new LoggingHost("2026-10-25T01:10:00Z deal_type=acquisition", twice("carveout"));
    assert.equal((await ordered.counts(asked)).seen, "1 1 0");
    // Neither of both hours is after, or both are.
    assert.equal((await host.counts({ ...asked, since: "2026-10-25T02:00:00Z" })).undated, undefined);
    assert.equal((await host.counts({ ...asked, since: "2026-10-25T00:00:00Z" })).seen, "0 1 0");
  });

  it("stops at a zone that nobody knows, with the key that says it", async () => {
    const host = new LoggingHost("2026-07-01 12:00:01 deal_type=carveout");
    host.program("timedatectl", "echo Mars/Olympus");
    await assert.rejects(host.counts(), /got Mars\/Olympus on web-1\. Set deployment\.logTimeZone/);
  });
});

/** Loggers with a time in their own way, of an instant in a zone. */
const LOGGERS: Record<string, (zoned: Temporal.ZonedDateTime, type: string) => string> = {
  python: (at, type) => `${local(at, " ").replace(".", ",")} INFO app deal_type='${type}'`,
  gunicorn: (at, type) =>
    `[${local(at, " ").slice(0, 19)} ${at.offset.replace(":", "")}] [7] [INFO] deal_type: ${type}`,
  json: (at, type) =>
    JSON.stringify({ nested: { deal_type: type }, "@timestamp": at.toInstant().toString() }),
  jsonLocal: (at, type) => JSON.stringify({ message: `deal_type="${type}"`, asctime: local(at, " ") }),
  logfmt: (at, type) => `level=info deal_type=${type} ts=${at.epochMilliseconds / 1000}`,
  rfc3339: (at, type) => `${local(at, "T")}${at.offset} deal_type=${type}`,
};
const local = (at: Temporal.ZonedDateTime, between: string) =>
  `${at.toPlainDate()}${between}${at.toPlainTime().toString({ fractionalSecondDigits: 3 })}`;

describe("lines × shapes × zones", () => {
  it("are counted from the moment on and not before, wherever the host is and whenever", async () => {
    const zones = [
      "Europe/Berlin",
      "America/New_York",
      "Asia/Kolkata",
      "Australia/Lord_Howe",
      "UTC",
      "Pacific/Chatham",
    ];
    const line = fc.record({
      shift: fc.integer({ min: -200_000_000, max: 200_000_000 }),
      type: fc.constantFrom(...TYPES),
      logger: fc.constantFrom(...Object.keys(LOGGERS)),
    });
    const minute = fc.integer({ min: 28_000_000, max: 29_500_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...zones),
        minute,
        fc.array(line, { maxLength: 30 }),
        async (timeZone, start, lines) => {
          const since = start * 60_000;
          const expected = TYPES.map(() => 0);
          let doubtful = 0;
          const texts = lines.map(({ shift, type, logger }) => {
            const at = Temporal.Instant.fromEpochMilliseconds(since + shift).toZonedDateTimeISO(timeZone);
            const text = (LOGGERS[logger] as (typeof LOGGERS)[string])(at, type);
            const plain = at.toPlainDateTime();
            const [first, last] = (["earlier", "later"] as const).map(
              (disambiguation) =>
                plain.toZonedDateTime(timeZone, { disambiguation }).epochMilliseconds >= since,
            );
            const isLocal = logger === "python" || logger === "jsonLocal";
            const shown = logger === "gunicorn" ? Math.floor((since + shift) / 1000) * 1000 : since + shift;
            if (isLocal && first !== last) doubtful += 1;
            else if (shown >= since) expected[TYPES.indexOf(type)] = (expected[TYPES.indexOf(type)] ?? 0) + 1;
            return text;
          });
          fc.pre(doubtful === 0);
          const counts = await new LoggingHost(...texts).counts({
            since: new Date(since).toISOString(),
            timeZone,
          });
          assert.deepEqual(
            [counts.seen, counts.undated, counts.unclear],
            [expected.join(" "), undefined, undefined],
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the end of a log, before anything is counted", () => {
  const peek = async (host: LoggingHost, logs = ["{appDir}/app.log"]) => peekLogs(host, { logs }, reader);

  it("tells a log whose lines have no time, and one that is not there", async () => {
    const host = new LoggingHost("INFO:app:started", "INFO:app:ready");
    assert.deepEqual(await peek(host, ["{appDir}/app.log", "{appDir}/none.log"]), {
      ...{ faults: [`${host.appDir}/none.log is not there`], undated: [`${host.log}:1`] },
    });
    assert.deepEqual(await peek(new LoggingHost("starting", `${ISO} INFO ready`)), {
      faults: [],
      undated: [],
    });
    assert.deepEqual(await peek(new LoggingHost()), { faults: [], undated: [] });
  });

  it("is read without the rest of a large log", async () => {
    const host = new LoggingHost();
    writeFileSync(host.log, `${"no time\n".repeat(400_000)}${`${ISO} INFO ready\n`.repeat(20_000)}`);
    assert.deepEqual(await peek(host), { faults: [], undated: [] });
  });
});

describe("the journal of a unit as a log", () => {
  const entry = (microseconds: number, message: unknown) =>
    JSON.stringify({ __CURSOR: "s=1", __REALTIME_TIMESTAMP: String(microseconds), MESSAGE: message });

  it("is read entry by entry, by the journal's own time, whatever the message is", async () => {
    const host = new LoggingHost();
    const at = 1_772_442_000_000_000;
    const entries = [
      entry(at - 3_600_000_000, "deal_type=carveout"),
      entry(at, "INFO:app:deal_type='carveout'"),
      entry(at, '{"time":"2020-01-01T00:00:00Z","deal_type":"acquisition"}'),
      entry(at, [...Buffer.from("\u001b[1mdeal_type\u001b[0m=divestiture")]),
      entry(at, [...Buffer.from(`\u001b[1m${"ü".repeat(20_000)}\u001b[0m deal_type=divestiture`)]),
      entry(at, null),
    ];
    host.program(
      "journalctl",
      `printf '%s\\n' "$*" >>'${host.appDir}/asked'\ncat <<'END'\n${entries.join("\n")}\nEND`,
    );
    const counts = await host.counts({ logs: ["journal:web.service"] });
    assert.deepEqual([counts.seen, counts.undated, counts.faults], ["1 1 2", undefined, []]);
  });

  it("is said to hold nothing where the unit is unknown or may not be read, by the journalctl of this machine", async function () {
    if (!findOnPath("journalctl")) this.skip();
    const { faults } = await new LoggingHost().counts({ logs: ["journal:rollout-no-such.service"] });
    assert.deepEqual(faults, [
      "journal:rollout-no-such.service holds no line: the unit has another name, or its journal may not be read",
    ]);
  });
});

describe("what can't be read of a log", () => {
  it("is said: a rotated file that is damaged, and one that another program packed", async () => {
    const host = new LoggingHost(`${ISO} INFO deal_type=carveout`);
    writeFileSync(`${host.log}.1.gz`, "no gzip");
    const { faults, seen } = await host.counts();
    assert.deepEqual(faults, [
      `${host.log}.1.gz can't be unpacked: it is damaged, or its program is not installed`,
    ]);
    assert.equal(seen, "0 1 0");
  });

  it("is read where it is packed by xz or zstd", async function () {
    if (!findOnPath("xz") || !findOnPath("zstd")) this.skip();
    const host = new LoggingHost(`${ISO} INFO deal_type=carveout`);
    for (const [program, name] of [
      ["xz", "1.xz"],
      ["zstd", "2.zst"],
    ] as const)
      writeFileSync(
        `${host.log}.${name}`,
        execFileSync(program, ["-c"], { input: `${ISO} deal_type=acquisition\n` }),
      );
    assert.equal((await host.counts()).seen, "2 1 0");
  });
});

describe("lines of one deal", () => {
  it("are found by the field's value however it is written, and by a text as a word", async () => {
    const host = new LoggingHost(
      `${ISO} INFO deal_id=7 a`,
      `${ISO} INFO deal_id=71 b`,
      `{"time":"${ISO}","deal":{"deal_id":7}}`,
      `{"time":"${ISO}","deal_id":17,"n":7}`,
      `${ISO} INFO deal 7 c`,
    );
    const find = async (mark: string) =>
      (await readLogged(host, { logs: ["{appDir}/app.log"], mark }, reader)).lines;
    assert.deepEqual(await find("deal_id=7"), [
      `${ISO} INFO deal_id=7 a`,
      `{"time":"${ISO}","deal":{"deal_id":7}}`,
    ]);
    assert.deepEqual(await find("deal 7"), [`${ISO} INFO deal 7 c`]);
  });
});
