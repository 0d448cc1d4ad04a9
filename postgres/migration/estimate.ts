/**
 * Microseconds a row, measured on 2 cores with PostgreSQL 15, rows of 248 bytes and five indexes, under a load of
 * 200 operations/s, and rounded up. Wider rows and slower disks take longer: the estimate is a magnitude.
 */
const CHANGE_MICROS = 25;
const WALK_MICROS = 2;
const RESTORE_MICROS = 22;
const VALIDATE_MICROS = 0.6;
/** Connecting, locking and recording, whatever the number of rows. */
const FIXED_SECONDS = 1;

const inSeconds = (micros: number) => Math.ceil(FIXED_SECONDS + micros / 1e6);

/** Seconds of a backfill that walks `total` rows and changes `changed` of them. */
export function backfillSeconds(total: number, changed: number): number {
  return inSeconds(total * WALK_MICROS + changed * CHANGE_MICROS);
}

/** Seconds of giving `rows` rows their originals back. */
export function restoreSeconds(rows: number): number {
  return inSeconds(rows * RESTORE_MICROS);
}

/** Seconds of validating both checks over `total` rows. */
export function validateSeconds(total: number): number {
  return inSeconds(total * VALIDATE_MICROS);
}

/** A count as people read it: `6,012 rows`. */
export function showRows(count: number): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? "row" : "rows"}`;
}
