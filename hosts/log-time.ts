/** A time as a clock on the wall shows it; lines of syslog name no year. */
export interface WallTime {
  year?: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** Thousandths of a second, with parts. */
  millisecond: number;
}

/** When a line was written: milliseconds since 1970, or a time that names no zone. */
export type LineTime = { at: number } | { wall: WallTime };

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/** Minutes east of UTC of abbreviations that mean one zone wherever software prints them. */
const ABBREVIATIONS: Record<string, number> = {
  ...{ Z: 0, UTC: 0, GMT: 0, WET: 0, WEST: 60, CET: 60, CEST: 120, EET: 120, EEST: 180, MSK: 180, JST: 540 },
  ...{ EST: -300, EDT: -240, CDT: -300, MST: -420, MDT: -360, PST: -480, PDT: -420 },
};

const MONTH = "([A-Z][a-z]{2})[a-z]{0,6}";
/** Hour, minute, second, fraction, half of the day. */
const CLOCK = "(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,9}))?)?(?:\\s?([AaPp])[Mm](?!\\w))?";
const ZONE =
  "(?:\\s?(Z|[+-]\\d{2}:?\\d{2}|[+-]\\d{2}(?!\\d)|(?:GMT|UTC)[+-]\\d{1,2}(?::?\\d{2})?|[A-Z]{3,4})(?![\\w:]))?";
const WEEKDAY = "^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )?";

/** A way to write a time, with the numbers of its groups; five from `clock` on. 0 is a part that it does not have. */
interface Form {
  pattern: RegExp;
  year: number;
  month: number;
  day: number;
  clock: number;
  zone: number;
}

/** Each stands at the beginning of what is read. Numbered groups: named ones cost ten times as much, for every line. */
const FORMS: Form[] = [
  // ISO 8601 and what logging libraries make of it: 2026-03-02 09:00:00,123+0100, 2026/03/02 09:00:00.
  {
    pattern: new RegExp(`${WEEKDAY}(\\d{4})[-/.](\\d{2})[-/.](\\d{2})(?:[T_:]|\\s{1,2})${CLOCK}${ZONE}`),
    ...{ year: 1, month: 2, day: 3, clock: 4, zone: 9 },
  },
  // 02/Mar/2026:09:00:00 +0000 of access logs; 02-Mar-2026 09:00:00.123; 02 Mar 2026 09:00:00 GMT.
  {
    pattern: new RegExp(`${WEEKDAY}(\\d{1,2})[ /-]${MONTH}[ /-](\\d{4}),?[ T:]${CLOCK}${ZONE}`),
    ...{ day: 1, month: 2, year: 3, clock: 4, zone: 9 },
  },
  // Mar 02, 2026 9:00:00 AM of java.util.logging; Mon Mar 02 2026 09:00:00 GMT+0100 of JavaScript.
  {
    pattern: new RegExp(`${WEEKDAY}${MONTH} {1,2}(\\d{1,2}),? (\\d{4}),? ${CLOCK}${ZONE}`),
    ...{ month: 1, day: 2, year: 3, clock: 4, zone: 9 },
  },
  // Mar  2 09:00:00 of syslog; Mon Mar 02 09:00:00.123 2026 of Apache; date's own with a zone before the year.
  {
    pattern: new RegExp(
      `${WEEKDAY}${MONTH} {1,2}(\\d{1,2}),? ${CLOCK}(?: ([A-Z]{3,4}))?(?: (\\d{4})(?!\\d))?`,
    ),
    ...{ month: 1, day: 2, clock: 3, zone: 8, year: 9 },
  },
  // I0302 09:00:00.123456 of glog.
  {
    pattern: new RegExp(`^[IWEFD](\\d{2})(\\d{2}) {1,2}${CLOCK}`),
    ...{ month: 1, day: 2, clock: 3, zone: 0, year: 0 },
  },
];
const EPOCH = /^(\d{10}|\d{13}|\d{16}|\d{19})(?:\.(\d{1,9}))?(?![\d.])/;

/** The minutes that a zone is east of UTC; undefined for a word that is none, such as the level. */
function offsetOf(zone: string): number | undefined {
  const [offset, sign, hours, minutes = "0"] = /([+-])(\d{1,2}):?(\d{2})?$/.exec(zone) ?? [];
  if (offset === undefined) return ABBREVIATIONS[zone];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Not by a Date for each line, which costs more than all the rest. */
const isOnCalendar = ({ month, day, hour, minute, second }: WallTime) =>
  day >= 1 && day <= (DAYS[month - 1] ?? 0) && hour < 24 && minute < 60 && second < 61;

/** Milliseconds since 1970 of a time on a wall that is so many minutes east of UTC. */
export function instantAt(wall: WallTime, offsetMinutes: number): number {
  const { year = 1970, month, day, hour, minute, second, millisecond } = wall;
  return Date.UTC(year, month - 1, day, hour, minute, second) + millisecond - offsetMinutes * 60_000;
}

/** A number that counts since 1970, in seconds or parts of it, told by its size; undefined for any other number. */
export function readEpoch(number: number): LineTime | undefined {
  if (!Number.isFinite(number) || number < 1e9) return undefined;
  const unit = number < 1e11 ? 1_000 : number < 1e14 ? 1 : number < 1e17 ? 1e-3 : 1e-6;
  return { at: number * unit };
}

/** The hour of the whole day: 12 AM is its first one. Undefined for one that no such clock shows. */
function hourOf(text: string, half: string): number | undefined {
  const hour = Number(text);
  if (half === "") return hour;
  return hour >= 1 && hour <= 12 ? (hour % 12) + (/p/i.test(half) ? 12 : 0) : undefined;
}

/** A month as a number or by its English name; 0 for another word. */
const monthOf = (text: string) => (/^\d/.test(text) ? Number(text) : MONTHS.indexOf(text.toLowerCase()) + 1);

function timeOfMatch(match: RegExpExecArray, form: Form): LineTime | undefined {
  const part = (group: number) => match[group] ?? "";
  const { clock } = form;
  const wall: WallTime = {
    month: monthOf(part(form.month)),
    day: Number(part(form.day)),
    hour: hourOf(part(clock), part(clock + 4)) ?? Number.NaN,
    minute: Number(part(clock + 1)),
    second: Number(part(clock + 2)),
    millisecond: Number(`0.${part(clock + 3)}`) * 1000,
  };
  if (!isOnCalendar(wall)) return undefined;
  const year = form.year > 0 ? part(form.year) : "";
  if (year === "") return { wall };
  wall.year = Number(year);
  const offset = form.zone > 0 ? offsetOf(part(form.zone)) : undefined;
  return offset === undefined ? { wall } : { at: instantAt(wall, offset) };
}

/** The time that a text begins with. Pure. */
export function readTime(text: string): LineTime | undefined {
  const [, whole, part] = EPOCH.exec(text) ?? [];
  if (whole) return readEpoch(Number(part ? `${whole}.${part}` : whole));
  for (const form of FORMS) {
    const match = form.pattern.exec(text);
    if (match) return timeOfMatch(match, form);
  }
  return undefined;
}

const LEVEL =
  "(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|ALERT|EMERG|FATAL|PANIC|SEVERE)";
/** What may stand before the time: a container's name, syslog's number, levels, names in brackets. */
const BEFORE = new RegExp(
  "^\\uFEFF?(?:[\\w.-]{1,80} {1,30}\\| {1,3})?(?:<\\d{1,3}>(?:\\d )?)?" +
    `(?:(?:\\[\\s?)?(?:${LEVEL}|${LEVEL.toLowerCase()}|[A-Z],)[\\]:,|]{0,2}\\s{1,9}(?:[\\w.:-]{1,80}[\\]:,|]?\\s{1,9}){0,2}?)?` +
    "(?:\\[[^\\][]{1,60}\\][:,]?\\s{0,3}){0,3}?[[(<\"']{0,2}(?=(?:\\d{4}[-/.]\\d{2}[-/.]\\d{2}|\\d{10}|\\d{1,2}[ /-][A-Z][a-z]{2}|[A-Z][a-z]{2,8},? |[IWEFD]\\d{4} ))",
);
const ACCESS = /\[(?=\d{2}\/[A-Z][a-z]{2}\/\d{4}:)/;
const FIELD =
  /(?:^|[\s,{(])["']?@?(?:timestamp|time|ts|t|datetime|asctime|date)["']?(?:=|["']: ?)["']?(?=[\dA-Z])/;

/** When a line of text was written, as it says itself. Pure. */
export function readLineTime(line: string): LineTime | undefined {
  const start = line.slice(0, 400);
  // Most lines begin with their time: that costs least.
  const plain = /^[[{(]?\d{4}/.test(start) ? readTime(start.replace(/^[[{(]/, "")) : undefined;
  if (plain) return plain;
  for (const before of [BEFORE, ACCESS]) {
    const match = before.exec(start);
    const time = match && readTime(start.slice(match.index + match[0].length));
    if (time) return time;
  }
  // The lines of a trace name fields as well.
  if (/^\s/.test(line)) return undefined;
  const match = FIELD.exec(line);
  return match ? readTime(line.slice(match.index + match[0].length)) : undefined;
}
