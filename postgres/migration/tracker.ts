import type { Change } from "./change.ts";
import { quoteName } from "./change-sql.ts";
import { PENDING } from "./normaliser.ts";

/**
 * The tracker: AFTER triggers that record what users do to a row, so that the undo knows whose value it finds.
 * They run while the row's lock is held, so the numbers they draw are in the order of what happened to the row.
 */

/** Confirms the proposal of a row that was inserted: the first of its statement, since only one can get in. */
export function confirmInsertFunction(change: Change): string {
  const key = `NEW.${quoteName(change.key)}`;
  const column = quoteName(change.column);
  return `
DECLARE
  found_old boolean;
  found_raw text;
BEGIN
  SELECT p.old_style, p.raw INTO found_old, found_raw FROM rollout.proposed AS p
    WHERE p.key = ${key} AND p.xid = pg_current_xact_id() AND p.operation = 'INSERT' ORDER BY p.id LIMIT 1;
  IF found_old IS NULL THEN RETURN NULL; END IF;
  DELETE FROM rollout.proposed AS p
    WHERE p.key = ${key} AND p.xid = pg_current_xact_id() AND p.operation = 'INSERT';
  IF found_old THEN
    INSERT INTO rollout.event (kind, key, raw, became, writer)
      VALUES ('raw', ${key}, found_raw, NEW.${column}, session_user);
  END IF;
  RETURN NULL;
END`;
}

/** An assignment of the column: old-style (the normaliser proposed it), another value, or the same one again. */
export function assignFunction(change: Change): string {
  const key = `NEW.${quoteName(change.key)}`;
  const column = quoteName(change.column);
  return `
DECLARE
  proposal bigint;
  found_raw text;
BEGIN
  IF ${PENDING} <> '' THEN
    DELETE FROM rollout.proposed AS p
      WHERE p.key = ${key} AND p.xid = pg_current_xact_id() AND p.operation = 'UPDATE'
      RETURNING p.id, p.raw INTO proposal, found_raw;
  END IF;
  IF proposal IS NOT NULL THEN
    INSERT INTO rollout.event (kind, key, raw, became, writer)
      VALUES ('raw', ${key}, found_raw, NEW.${column}, session_user);
  ELSIF NEW.${column} IS NOT DISTINCT FROM OLD.${column} THEN
    INSERT INTO rollout.event (kind, key) VALUES ('reaffirm', ${key});
  ELSE
    INSERT INTO rollout.event (kind, key) VALUES ('assign', ${key});
  END IF;
  RETURN NULL;
END`;
}

export function rekeyFunction(change: Change): string {
  const key = quoteName(change.key);
  return `
BEGIN
  INSERT INTO rollout.event (kind, key, new_key) VALUES ('rekey', OLD.${key}, NEW.${key});
  RETURN NULL;
END`;
}

export function deleteFunction(change: Change): string {
  const key = `OLD.${quoteName(change.key)}`;
  return `
BEGIN
  INSERT INTO rollout.event (kind, key) VALUES ('delete', ${key});
  IF ${PENDING} <> '' THEN
    DELETE FROM rollout.proposed AS p WHERE p.key = ${key} AND p.xid = pg_current_xact_id();
  END IF;
  RETURN NULL;
END`;
}

export function truncateFunction(): string {
  return `
BEGIN
  INSERT INTO rollout.event (kind) VALUES ('truncate');
  RETURN NULL;
END`;
}
