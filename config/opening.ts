import { Temporal } from "temporal-polyfill";
import { type WindowSection, weekdays } from "./window.ts";

/** One time that a window is open: from `opens` on, up to but not including `closes`. */
export interface Opening {
  opens: Date;
  closes: Date;
}

/** Days that are looked ahead: two weeks, since a clock change may swallow a weekly window whole. */
const DAYS_AHEAD = 15;

/**
 * The first instant at which the clock on the wall shows this time or a later one. A time that a clock change skips is
 * the moment of that change; of a time that comes twice it is the first.
 */
function firstInstant(time: Temporal.PlainDateTime, timeZone: string): Date {
  const zoned = time.toZonedDateTime(timeZone, { disambiguation: "earlier" });
  const skipped = !zoned.toPlainDateTime().equals(time);
  const found = skipped ? (zoned.getTimeZoneTransition("next") ?? zoned) : zoned;
  return new Date(found.epochMilliseconds);
}

function openingOn(day: Temporal.PlainDate, { from, to, timeZone }: WindowSection): Opening {
  const nextDay = to <= from || to === "24:00";
  const end = nextDay ? day.add({ days: 1 }) : day;
  return {
    opens: firstInstant(day.toPlainDateTime(from), timeZone),
    closes: firstInstant(end.toPlainDateTime(to === "24:00" ? "00:00" : to), timeZone),
  };
}

/** Openings from the day before `now` on, in order; those that a clock change leaves empty are left out. */
function listOpenings(window: WindowSection, now: Date): Opening[] {
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime())
    .toZonedDateTimeISO(window.timeZone)
    .toPlainDate();
  return Array.from({ length: DAYS_AHEAD + 1 }, (_, day) => today.add({ days: day - 1 }))
    .filter((day) => window.days.some((name) => weekdays.indexOf(name) + 1 === day.dayOfWeek))
    .map((day) => openingOn(day, window))
    .filter(({ opens, closes }) => closes > opens);
}

/** The opening that `now` lies in, if any, and the one after it. Pure, and right across clock changes. */
export function findOpenings(window: WindowSection, now: Date): { current?: Opening; next: Opening } {
  const openings = listOpenings(window, now);
  const current = openings.find(({ opens, closes }) => opens <= now && now < closes);
  const next = openings.find(({ opens }) => opens > now);
  if (!next) throw new Error(`window: expected an opening within ${DAYS_AHEAD} days, got none`);
  return { ...(current ? { current } : {}), next };
}

/** `2026-11-24T02:00Z (Tue 2026-11-24 03:00 +01:00 Europe/Berlin)`: UTC first, then the clock on the wall. */
export function showInstant(at: Date, timeZone: string): string {
  const utc = `${at.toISOString().slice(0, 16)}Z`;
  const local = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
  const day = local.toLocaleString("en-US", { weekday: "short" });
  if (timeZone === "UTC") return `${utc} (${day})`;
  const time = local.toPlainTime().toString({ smallestUnit: "minute" });
  return `${utc} (${day} ${local.toPlainDate()} ${time} ${local.offset} ${timeZone})`;
}
