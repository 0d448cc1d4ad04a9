import { Temporal } from "temporal-polyfill";

/** How long phase 1 is expected to take, and how that is known. */
export interface Estimate {
  seconds: number;
  /** Of these, seconds in which the writers are stopped by strategy maintenance; stopping and starting not counted. */
  stoppedSeconds: number;
  /** In words, as the notice has it: "measured in the rehearsal". */
  source: string;
}

const zoned = (at: Date, timeZone: string) =>
  Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);

const showTime = (at: Temporal.ZonedDateTime) => at.toPlainTime().toString({ smallestUnit: "minute" });

const showDay = (at: Temporal.ZonedDateTime) =>
  `${at.toLocaleString("en-US", { weekday: "short" })} ${at.toPlainDate()}`;

/** `02:00-02:04 UTC`; with the day where the two ends, or the day and that of UTC, differ. */
function showSpan(from: Date, to: Date, timeZone: string, withDay: boolean): string {
  const [start, end] = [zoned(from, timeZone), zoned(to, timeZone)];
  const sameDay = start.toPlainDate().equals(end.toPlainDate());
  const first = withDay || !sameDay ? `${showDay(start)} ${showTime(start)}` : showTime(start);
  const last = sameDay ? showTime(end) : `${showDay(end)} ${showTime(end)}`;
  return timeZone === "UTC" ? `${first}-${last} UTC` : `${first}-${last} ${start.offset} ${timeZone}`;
}

/** Rounded up to minutes: a notice promises nothing shorter. */
const wholeMinutes = (seconds: number) => Math.max(1, Math.ceil(seconds / 60));

const showMinutes = (minutes: number) => (minutes === 1 ? "about 1 minute" : `about ${minutes} minutes`);

/** What users notice. @param downtimeSeconds 0 for the online way, which stops nothing. */
export function impactFields(downtimeSeconds: number) {
  if (downtimeSeconds === 0) {
    return {
      impact: "none expected: the application keeps running",
      downtime: "none",
      availability: "The application stays available; nobody has to stop working.",
    };
  }
  const downtime = showMinutes(wholeMinutes(downtimeSeconds));
  return {
    impact: `the application is unavailable for ${downtime}`,
    downtime: `${downtime} at the most, stopping and starting included`,
    availability:
      "The application is unavailable meanwhile; what is under way may be interrupted and has to be resumed.",
  };
}

export function timeFields(
  at: Date,
  { seconds, source }: Pick<Estimate, "seconds" | "source">,
  timeZone: string,
) {
  const minutes = wholeMinutes(seconds);
  const end = new Date(at.getTime() + minutes * 60_000);
  const local = timeZone === "UTC" ? "as above" : showSpan(at, end, timeZone, true);
  return {
    date: zoned(at, "UTC").toLocaleString("en-US", { dateStyle: "full" }),
    timeUtc: showSpan(at, end, "UTC", false),
    timeLocal: local,
    duration: showMinutes(minutes),
    estimate: source,
  };
}
