import type { EventRecord } from "./record.ts";

/** An event in one line, for people. Pure. */
export function describeEvent(event: EventRecord): string {
  if (event.event !== "point-checked") return `${event.event}: ${event.note}`;
  const note = event.note === undefined ? "" : ` (${event.note})`;
  return `ticked for ${event.phase}/${event.step}: ${event.point}${note}`;
}
