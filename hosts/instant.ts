/** What a process says of when it began: an instant, or why it is none. */
export type Instant = { at: string } | { fault: string };

const ISO =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$/i;
/** As Flask's jsonify and HTTP write a time. @see RFC 9110, 5.6.7; RFC 5322, 3.3 */
const HTTP = /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|Z|[+-]\d{4})$/;
/** As JavaScript prints one; what stands in brackets after it says the same again. */
const SCRIPT = /^[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} \d{4} \d\d:\d\d:\d\d GMT[+-]\d{4}(?= \(|$)/;
/** What Go (`+0100 CET m=+0.01`) and Java (`+01:00[Europe/Berlin]`) print after an offset. */
const AFTER_OFFSET =
  /(?<=[+-]\d\d:?\d\d)(?: [A-Z]{3,5}| [+-]\d\d(?:\d\d)?)?(?: m=[+-][\d.]+)?$|(?<=Z|[+-]\d\d:?\d\d)\[[\w/+-]+\]$/;
const EPOCH = /^\d{9,13}(?:\.\d+)?$/;

/** From here on a number can only be milliseconds: as seconds it would be in the year 5138. */
const FIRST_MILLISECONDS = 1e11;
/** 2001-09-09: no process is older, and a smaller number is an uptime or a monotonic clock. */
const FIRST_SECONDS = 1e9;

const quote = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? "nothing";
const instant = (ms: number): Instant =>
  Number.isFinite(ms) && Math.abs(ms) < 8.64e15
    ? { at: new Date(ms).toISOString() }
    : { fault: "is no time" };

function fromNumber(value: number): Instant {
  if (value >= FIRST_MILLISECONDS) return instant(value);
  if (value >= FIRST_SECONDS) return instant(value * 1000);
  return { fault: `is ${quote(value)}, which is neither seconds nor milliseconds since 1970` };
}

/** What the clocks of a zone are ahead of UTC at an instant, in milliseconds. */
function zoneOffsetMs(zone: string, at: number): number {
  const fixed = /^([+-])(\d\d):(\d\d)$/.exec(zone);
  if (fixed) return (fixed[1] === "-" ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * 60_000;
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(
    at,
  );
  const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  const [, sign, hours = "0", minutes = "0", seconds = "0"] =
    /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name) ?? [];
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return (sign === "-" ? -1 : 1) * total * 1000;
}

/**
 * The instant of a clock on the wall. In the hour that an autumn night has twice it is the earlier one: a process then
 * rather counts as too old than as fresh.
 */
function fromWallClock(ms: number, zone: string): Instant {
  const candidates = [ms - 86_400_000, ms + 86_400_000].map((near) => ms - zoneOffsetMs(zone, near));
  const exact = candidates.filter((at) => at + zoneOffsetMs(zone, at) === ms);
  return instant(Math.min(...(exact.length > 0 ? exact : candidates)));
}

function fromText(text: string, zone: string | undefined): Instant {
  if (EPOCH.test(text)) return fromNumber(Number(text));
  if (HTTP.test(text)) return instant(Date.parse(text));
  const [script] = SCRIPT.exec(text) ?? [];
  if (script) return instant(Date.parse(script));
  const [, date, time = "", fraction = "", offset] = ISO.exec(text.replace(AFTER_OFFSET, "")) ?? [];
  if (!date) return { fault: `is ${quote(text)}, which is no time that can be read` };
  const clock = `${time.length === 5 ? `${time}:00` : time}.${fraction.slice(0, 3).padEnd(3, "0")}`;
  const wall = Date.parse(`${date}T${clock}Z`);
  if (Number.isNaN(wall)) return { fault: `is ${quote(text)}, which is no time that can be read` };
  if (offset === undefined)
    return zone === undefined
      ? { fault: `is ${quote(text)}, which has no offset: let it say one, or set healthFields.startedAtZone` }
      : fromWallClock(wall, zone);
  if (/^[A-Z]/i.test(offset)) return instant(wall);
  const minutes = offset.slice(3).replace(":", "") || "00";
  return instant(wall - zoneOffsetMs(`${offset.slice(0, 3)}:${minutes}`, wall));
}

/**
 * Reads a time as applications write it: ISO 8601 or HTTP with an offset, seconds or milliseconds since 1970. One without
 * an offset is read in `zone`, and refused where none is configured: under another TZ it would be hours off. Pure.
 */
export function readInstant(value: unknown, zone?: string): Instant {
  if (typeof value === "number") return fromNumber(value);
  if (typeof value === "string") return fromText(value.trim(), zone);
  return { fault: `is ${quote(value)}, which is no time` };
}
