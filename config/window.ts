import { z } from "zod";

/** Days as the config names them; Monday first, as ISO 8601 counts. */
export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** Whether this machine knows the time zone by its IANA name. */
function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

/** An IANA time zone. */
export const TimeZone = z
  .string()
  .refine(isTimeZone, "an IANA time zone such as Europe/Berlin or UTC")
  .describe("IANA name of a time zone.");

/** When phase 1 may begin. */
export const WindowSection = z.strictObject({
  days: z
    .array(z.enum(weekdays))
    .min(1)
    .describe("Days on which the window opens. One that ends after midnight belongs to the day it opens on."),
  from: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a quoted time of day such as "02:00"')
    .describe("Time of day at which it opens, in `timeZone`."),
  to: z
    .string()
    .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a quoted time of day up to "24:00"')
    .describe("Time of day at which it closes; not later than `from`: on the next day."),
  timeZone: TimeZone.default("UTC").describe(
    "Time zone that days and times are meant in, daylight saving included.",
  ),
});
export type WindowSection = z.infer<typeof WindowSection>;
