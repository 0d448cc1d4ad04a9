import { z } from "zod";

/** `build.commit`, or a JSON pointer `/build/commit` where a name holds a dot. */
const FieldPath = z
  .string()
  .regex(
    /^(\/.*|[^./\s][^\s]*)$/,
    "a name, a dotted path such as build.commit, or a JSON pointer such as /build/commit",
  )
  .max(200);

const field = (name: string, description: string) =>
  z
    .union([FieldPath, z.literal(false)])
    .default(name)
    .describe(description);

const OFFSET = /^[+-]([01]\d|2[0-3]):[0-5]\d$/;

function isZone(text: string): boolean {
  if (OFFSET.test(text)) return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return /^[A-Za-z]/.test(text);
  } catch {
    return false;
  }
}

/**
 * Under which names a health address tells what is asked of it. `false`: it does not tell this, and the process itself is
 * looked at instead, which is a weaker proof and called so.
 * @see docs/health.md
 */
export const HealthFields = z.strictObject({
  release: field("release", "Where the answer has its commit SHA; false: nowhere."),
  flag: field("flag", "Where it has the flag; false: nowhere."),
  pid: field("pid", "Where it has the process number as the host counts; false: nowhere."),
  startedAt: field("startedAt", "Where it has the time at which the process began; false: nowhere."),
  startedAtZone: z
    .string()
    .refine(isZone, "a zone such as UTC, Europe/Berlin or +01:00")
    .optional()
    .describe("Zone of a startedAt that says none. Without it such a time is refused."),
});
export type HealthFields = z.infer<typeof HealthFields>;

/** The names as they are where nothing is configured. */
export const USUAL_FIELDS: HealthFields = HealthFields.parse({});
