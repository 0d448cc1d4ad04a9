import assert from "node:assert/strict";
import fc from "fast-check";
import { findOpenings, showInstant } from "../../config/opening.ts";
import { WindowSection, weekdays } from "../../config/window.ts";

const window = (days: string, from: string, to: string, timeZone = "UTC") =>
  WindowSection.parse({ days: days.split(" "), from, to, timeZone });

type Row = [what: string, window: WindowSection, now: string, current: string | null, next: string];

const NIGHT = window("tue", "02:00", "04:00");
const OVER_MIDNIGHT = window("sat", "22:00", "03:00");
const BERLIN = window("sun", "02:00", "04:00", "Europe/Berlin");
const SKIPPED = window("sun", "02:30", "04:00", "Europe/Berlin");
const SWALLOWED = window("sun", "02:00", "03:00", "Europe/Berlin");
const TWICE = window("sun", "02:30", "02:45", "Europe/Berlin");

// 2026: Europe/Berlin leaves CET at 2026-03-29T01:00Z and comes back at 2026-10-25T01:00Z. 2026-11-24 is a Tuesday.
const ROWS: Row[] = [
  ["the day before", NIGHT, "2026-11-23T12:00Z", null, "2026-11-24T02:00Z–04:00Z"],
  ["a millisecond before", NIGHT, "2026-11-24T01:59:59.999Z", null, "2026-11-24T02:00Z–04:00Z"],
  ["the moment it opens", NIGHT, "2026-11-24T02:00Z", "2026-11-24T02:00Z–04:00Z", "2026-12-01T02:00Z–04:00Z"],
  [
    "just before it closes",
    NIGHT,
    "2026-11-24T03:59:59.999Z",
    "2026-11-24T02:00Z–04:00Z",
    "2026-12-01T02:00Z–04:00Z",
  ],
  ["the moment it closes", NIGHT, "2026-11-24T04:00Z", null, "2026-12-01T02:00Z–04:00Z"],
  [
    "over midnight, the evening",
    OVER_MIDNIGHT,
    "2026-11-28T23:00Z",
    "2026-11-28T22:00Z–03:00Z",
    "2026-12-05T22:00Z–03:00Z",
  ],
  [
    "over midnight, the day after",
    OVER_MIDNIGHT,
    "2026-11-29T02:59Z",
    "2026-11-28T22:00Z–03:00Z",
    "2026-12-05T22:00Z–03:00Z",
  ],
  [
    "over midnight, the day it does not open on",
    OVER_MIDNIGHT,
    "2026-11-28T02:00Z",
    null,
    "2026-11-28T22:00Z–03:00Z",
  ],
  [
    "over the end of the year",
    window("thu", "23:00", "01:00"),
    "2027-01-01T00:30Z",
    "2026-12-31T23:00Z–01:00Z",
    "2027-01-07T23:00Z–01:00Z",
  ],
  [
    "a whole day",
    window("sat", "00:00", "24:00"),
    "2026-11-28T23:59Z",
    "2026-11-28T00:00Z–00:00Z",
    "2026-12-05T00:00Z–00:00Z",
  ],
  [
    "the next of several days",
    window("mon thu", "02:00", "04:00"),
    "2026-11-24T12:00Z",
    null,
    "2026-11-26T02:00Z–04:00Z",
  ],
  ["in winter time", BERLIN, "2026-03-22T00:30Z", null, "2026-03-22T01:00Z–03:00Z"],
  [
    "the night that spring forward makes an hour shorter",
    BERLIN,
    "2026-03-29T00:30Z",
    null,
    "2026-03-29T01:00Z–02:00Z",
  ],
  ["in summer time", BERLIN, "2026-04-05T01:00Z", "2026-04-05T00:00Z–02:00Z", "2026-04-12T00:00Z–02:00Z"],
  [
    "the night that fall back makes an hour longer",
    BERLIN,
    "2026-10-25T02:30Z",
    "2026-10-25T00:00Z–03:00Z",
    "2026-11-01T01:00Z–03:00Z",
  ],
  [
    "from a time that does not exist that night",
    SKIPPED,
    "2026-03-29T00:59Z",
    null,
    "2026-03-29T01:00Z–02:00Z",
  ],
  [
    "a window that a clock change swallows whole",
    SWALLOWED,
    "2026-03-28T12:00Z",
    null,
    "2026-04-05T00:00Z–01:00Z",
  ],
  [
    "a time that comes twice, the first",
    TWICE,
    "2026-10-25T00:40Z",
    "2026-10-25T00:30Z–00:45Z",
    "2026-11-01T01:30Z–01:45Z",
  ],
  ["a time that comes twice, the second", TWICE, "2026-10-25T01:40Z", null, "2026-11-01T01:30Z–01:45Z"],
  [
    "a zone far ahead of UTC",
    window("tue", "02:00", "04:00", "Pacific/Kiritimati"),
    "2026-11-23T13:00Z",
    "2026-11-23T12:00Z–14:00Z",
    "2026-11-30T12:00Z–14:00Z",
  ],
  [
    "a zone with three quarters of an hour",
    window("tue", "02:00", "04:00", "Asia/Kathmandu"),
    "2026-11-23T20:00Z",
    null,
    "2026-11-23T20:15Z–22:15Z",
  ],
];

const show = ({ opens, closes }: { opens: Date; closes: Date }) =>
  `${opens.toISOString().slice(0, 16)}Z–${closes.toISOString().slice(11, 16)}Z`;

describe("openings of a window", () => {
  for (const [what, given, now, current, next] of ROWS) {
    it(`are right for ${what}`, () => {
      const found = findOpenings(given, new Date(now));
      assert.deepEqual([found.current ? show(found.current) : null, show(found.next)], [current, next]);
    });
  }

  it("hold what they say at any time in any zone: inside of the current one, before the next, open when it opens", () => {
    const time = fc.integer({ min: 0, max: 1439 }).map((minute) => {
      const two = (part: number) => String(part).padStart(2, "0");
      return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
    });
    const zone = fc.constantFrom(
      "UTC",
      "Europe/Berlin",
      "America/New_York",
      "Australia/Lord_Howe",
      "Asia/Tehran",
      "Pacific/Apia",
    );
    const at = fc.date({ min: new Date("2026-01-01"), max: new Date("2028-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(
        fc.subarray([...weekdays], { minLength: 1 }),
        time,
        time,
        zone,
        at,
        (days, from, to, timeZone, now) => {
          fc.pre(from !== to);
          const given = { days, from, to, timeZone };
          const { current, next } = findOpenings(given, now);
          if (current) assert.ok(current.opens <= now && now < current.closes);
          assert.ok(next.opens > now && next.closes > next.opens);
          assert.equal(findOpenings(given, next.opens).current?.opens.getTime(), next.opens.getTime());
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a moment for people", () => {
  it("is told in UTC and by the clock on the wall, also where that shows the same time twice", () => {
    const at = (text: string) => showInstant(new Date(text), "Europe/Berlin");
    assert.equal(at("2026-11-24T23:30Z"), "2026-11-24T23:30Z (Wed 2026-11-25 00:30 +01:00 Europe/Berlin)");
    assert.equal(at("2026-10-25T00:30Z"), "2026-10-25T00:30Z (Sun 2026-10-25 02:30 +02:00 Europe/Berlin)");
    assert.equal(at("2026-10-25T01:30Z"), "2026-10-25T01:30Z (Sun 2026-10-25 02:30 +01:00 Europe/Berlin)");
    assert.equal(showInstant(new Date("2026-11-24T02:00Z"), "UTC"), "2026-11-24T02:00Z (Tue)");
  });
});
