import type { Change } from "./change.ts";
import { mapped, oldStyle, quoteName } from "./change-sql.ts";

/**
 * Transaction-local: number of the last proposal of this transaction, `-` when that row is dealt with, empty when
 * the transaction has proposed nothing. It keeps the triggers of ordinary writes from looking anything up.
 */
export const PENDING = "coalesce(current_setting('rollout.proposed', true), '')";

/** Transaction-local mark of our own backfill and restore, which the tracker ignores. */
export const MIGRATING = "rollout.migrating";

/** Pinned for every function that runs with its owner's rights. */
export const FUNCTION_ATTRIBUTES = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp";

/**
 * The normaliser: a BEFORE trigger that maps an old-style value and proposes its original to the journal.
 * Only proposes, because a BEFORE INSERT also fires for a row that `ON CONFLICT` then does not insert.
 *
 * `ON CONFLICT DO UPDATE SET column = EXCLUDED.column` hands over the value that the insert trigger has mapped
 * already. The executor fires the update trigger right after the insert trigger of the same row, so the last
 * proposal tells the original. (`DO UPDATE SET column = '<its mapped value>'` beside an old-style insert can't be
 * told apart from it and counts as old-style too.)
 */
export function normaliserFunction(change: Change): string {
  const column = `NEW.${quoteName(change.column)}`;
  const key = `NEW.${quoteName(change.key)}`;
  return `
DECLARE
  pending text := ${PENDING};
  original text := ${column};
  is_old boolean := ${oldStyle(change, column)};
  proposal bigint;
BEGIN
  IF TG_OP = 'UPDATE' AND NOT is_old THEN
    IF pending ~ '^[0-9]+$' THEN
      INSERT INTO rollout.proposed (key, raw, operation, old_style)
        SELECT ${key}, p.raw, 'UPDATE', true FROM rollout.proposed AS p
        WHERE p.id = pending::bigint AND p.xid = pg_current_xact_id() AND p.operation = 'INSERT'
          AND p.at = statement_timestamp() AND ${mapped(change, "p.raw")} = ${column};
      PERFORM set_config('rollout.proposed', '-', true);
    END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' AND pending <> '' THEN
    DELETE FROM rollout.proposed AS p WHERE p.key = ${key} AND p.xid = pg_current_xact_id()
      AND p.operation = 'INSERT' AND p.at < statement_timestamp();
  END IF;
  INSERT INTO rollout.proposed (key, raw, operation, old_style)
    VALUES (${key}, original, TG_OP, is_old) RETURNING id INTO proposal;
  PERFORM set_config('rollout.proposed',
    CASE WHEN TG_OP = 'INSERT' AND is_old THEN proposal::text ELSE '-' END, true);
  ${column} := ${mapped(change, "original")};
  RETURN NEW;
END`;
}
