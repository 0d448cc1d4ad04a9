import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { type HealthFields, USUAL_FIELDS } from "../../config/health-fields.ts";
import { readAnswer } from "../../hosts/health-answer.ts";
import { readInstant } from "../../hosts/instant.ts";

const SAID = { release: "a1b2c3d", pid: 7, startedAt: "2026-03-02T09:00:00Z", flag: true };
const AT = "2026-03-02T09:00:00.000Z";

function answer(body: unknown, fields: Partial<HealthFields> = {}, more: object = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const raw = { status: 200, contentType: "application/json", body: text, ...more };
  return readAnswer(raw, { ...USUAL_FIELDS, ...fields });
}
const saidBy = (...args: Parameters<typeof answer>) => {
  const read = answer(...args);
  return "said" in read ? read.said : read.fault;
};
const faultOf = (...args: Parameters<typeof answer>) => {
  const read = answer(...args);
  return "fault" in read ? read.fault : "";
};

describe("an answer at a health address", () => {
  for (const [what, body, fields] of [
    ["by the usual names", SAID, {}],
    ["with the mark of UTF-8 before it", `\uFEFF${JSON.stringify(SAID)}`, {}],
    ["with blanks around", `\n  ${JSON.stringify(SAID)}\n\n`, {}],
    [
      "by other names, nested ones as well",
      { build: { commit: "a1b2c3d" }, flags: { dealType: true }, process: { id: 7 }, up: AT },
      { release: "build.commit", flag: "flags.dealType", pid: "process.id", startedAt: "up" },
    ],
    [
      "by names with dots and slashes, as JSON pointers",
      { "git.sha": "a1b2c3d", "a/b": [{ "~pid": "7" }], flag: "on", startedAt: 1772442000 },
      { release: "/git.sha", pid: "/a~1b/0/~0pid" },
    ],
    [
      "with a number of milliseconds and a flag as text",
      { ...SAID, startedAt: 1772442000000, flag: " 1 " },
      {},
    ],
  ] as const)
    it(`is understood ${what}`, () =>
      deepEqual(saidBy(body, fields), { release: "a1b2c3d", pid: 7, startedAt: AT, flag: true }));

  for (const [flag, said] of [
    [true, true],
    ["true", true],
    ["1", true],
    [1, true],
    ["ON", true],
    ["yes", true],
    [false, false],
    ["off", false],
    ["0", false],
    [0, false],
    ["no", false],
    [null, null],
  ] as const)
    it(`has the flag ${JSON.stringify(flag)} as ${said}`, () => {
      const read = answer({ ...SAID, flag });
      equal("said" in read && read.said.flag, said);
    });

  it("counts with status 500 where all that is asked for is in it", () =>
    deepEqual(saidBy({ ...SAID, database: "down" }, {}, { status: 500 }), {
      ...{ ...SAID, startedAt: AT },
      database: "down",
    }));

  it("names each field that is missing or not understood, where it was looked for, and what is there", () => {
    const said = faultOf({ status: "up", build: { sha: "x" } }, { release: "build.commit" });
    match(said, /^HTTP 200, application\/json with status, build: /);
    match(said, /release \("build\.commit"\) is not in it; flag is not in it; pid is not in it/);
    match(faultOf({ ...SAID, flag: "maybe" }), /flag is "maybe"; true, 1, yes, on and/);
    match(faultOf({ ...SAID, pid: "web-1" }), /pid is "web-1", which is no process number/);
    match(faultOf({ ...SAID, release: null }), /release is null, which is no commit/);
  });

  for (const [what, body, more, said] of [
    ["OK", "OK", { contentType: "text/plain" }, /got HTTP 200, text\/plain that begins with "OK"/],
    [
      "a login page",
      "<!doctype html>\n<title>Log\tin</title>",
      { status: 302, contentType: "text/html" },
      /HTTP 302, text\/html that begins with "<!doctype html> <title>Log in<\/title>"/,
    ],
    ["nothing", "", { status: 204, contentType: "" }, /HTTP 204, no content type, no content/],
    ["a JSON text", '"OK"', {}, /expected JSON with release, flag, pid, startedAt, got HTTP 200/],
  ] as const)
    it(`that is ${what} is told with status, kind and start`, () => match(faultOf(body, {}, more), said));

  it("is shown by no more than 80 printable characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 400 }), (text) => {
        const shown =
          /begins with "([\s\S]*)"$/.exec(faultOf(`<${text}`, {}, { contentType: "x" }))?.[1] ?? "";
        ok([...shown].length <= 81 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown), JSON.stringify(shown));
      }),
      { numRuns: 300 },
    );
  });

  it("is a success alone where it tells nothing", () => {
    const none = { release: false, flag: false, pid: false, startedAt: false } as const;
    deepEqual(saidBy("OK", none, { contentType: "text/plain" }), {});
    deepEqual(saidBy("", none, { status: 204 }), {});
    match(faultOf("OK", none, { status: 503 }), /^HTTP 503/);
  });
});

describe("a time that a process says", () => {
  for (const [value, zone, at] of [
    ["2026-03-02T09:00:00Z", undefined, AT],
    ["2026-03-02T10:00:00+01:00", undefined, AT],
    ["2026-03-02 10:00:00.123456+0100", undefined, "2026-03-02T09:00:00.123Z"],
    ["2026-03-02T04:30-0430", undefined, AT],
    ["Mon, 02 Mar 2026 09:00:00 GMT", undefined, AT],
    [1772442000, undefined, AT],
    [1772442000.5, undefined, "2026-03-02T09:00:00.500Z"],
    ["1772442000000", undefined, AT],
    ["2026-03-02T10:00:00", "Europe/Berlin", AT],
    ["2026-07-02T11:00:00", "Europe/Berlin", "2026-07-02T09:00:00.000Z"],
    ["2026-03-02T04:00:00", "America/New_York", AT],
    ["2026-03-02T14:30:00", "+05:30", AT],
    // Twice in that night: the earlier one, so that a process rather counts as too old.
    ["2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00.000Z"],
    // A zone is for times without an offset alone.
    ["2026-03-02T09:00:00Z", "Asia/Tokyo", AT],
    ["2026-03-02 10:00:00.000123456 +0100 CET m=+0.004", undefined, AT],
    ["2026-03-02 09:00:00 +0000 UTC", undefined, AT],
    ["2026-03-02 06:00:00 -0300 -03", undefined, AT],
    ["2026-03-02T10:00:00+01:00[Europe/Berlin]", undefined, AT],
    ["2026-03-02T09:00:00Z[UTC]", undefined, AT],
    ["Mon Mar 02 2026 10:00:00 GMT+0100 (Central European Standard Time)", undefined, AT],
  ] as const)
    it(`${JSON.stringify(value)}${zone ? ` in ${zone}` : ""} is ${at}`, () =>
      deepEqual(readInstant(value, zone), { at }));

  for (const [value, fault] of [
    ["2026-03-02T09:00:00", /has no offset: let it say one, or set healthFields\.startedAtZone/],
    ["2026-03-02 09:00:00.123456", /has no offset/],
    ["yesterday", /no time that can be read/],
    ["2026-03-02 09:00:00 m=+0.004", /no time that can be read/],
    ["2026-13-02T09:00:00Z", /no time/],
    [721.7, /neither seconds nor milliseconds since 1970/],
    [null, /is null, which is no time/],
    [true, /no time/],
  ] as const)
    it(`${JSON.stringify(value)} is refused, and why`, () => {
      const read = readInstant(value);
      match("fault" in read ? read.fault : "", fault);
    });

  it("in a zone is the instant at which that zone's clocks show it", () => {
    const zones = ["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Auckland", "UTC"];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: 1_700_000_000, max: 1_900_000_000 }),
        (zone, second) => {
          const parts = new Intl.DateTimeFormat("sv", {
            ...{ timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" },
            ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
          }).format(second * 1000);
          const read = readInstant(parts, zone);
          const ms = "at" in read ? Date.parse(read.at) : Number.NaN;
          // The earlier one of an hour that comes twice is an hour before.
          ok(
            [second * 1000, second * 1000 - 3_600_000].includes(ms),
            `${zone} ${parts}: ${JSON.stringify(read)}`,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});
