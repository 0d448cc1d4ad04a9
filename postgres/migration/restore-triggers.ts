import type { Change } from "./change.ts";
import { quoteName, tableName } from "./change-sql.ts";

/**
 * A trigger of the application that fires on a restoring update would put its own mark on the row (`updated_at`).
 * Two triggers around all others see to it that the row becomes what the update asked for: the first one notes it,
 * the last one brings it back. BEFORE triggers of one row run one after the other, so one note is enough.
 */

/** Transaction-local mark of the restore: for anyone else the two do nothing. */
export const RESTORING = "rollout.restoring";

const ASKED = "rollout.asked";

/** `!` sorts before every letter, `~` after: all of the application's BEFORE triggers lie in between. */
export const RESTORE_TRIGGERS = ["!rollout_asked", "~rollout_restored"] as const;

const HEADER = "RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp";

/** Puts both on the table, or repairs them. The caller holds SHARE ROW EXCLUSIVE. */
export function restoreTriggerStatements(change: Change): string {
  const table = tableName(change);
  const [first, last] = RESTORE_TRIGGERS.map(quoteName);
  const trigger = (name: string | undefined, body: string) => `
    CREATE OR REPLACE TRIGGER ${name} BEFORE UPDATE ON ${table} FOR EACH ROW
      WHEN (current_setting('${RESTORING}', true) = 'on') EXECUTE FUNCTION rollout.${body}();
    ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${name};`;
  return `
    CREATE OR REPLACE FUNCTION rollout.note_asked() ${HEADER} AS $body$
    BEGIN
      PERFORM set_config('${ASKED}', NEW::text, true);
      RETURN NEW;
    END $body$;
    CREATE OR REPLACE FUNCTION rollout.keep_asked() ${HEADER} AS $body$
    DECLARE
      asked ${table};
    BEGIN
      IF NEW::text = current_setting('${ASKED}') THEN RETURN NEW; END IF;
      asked := current_setting('${ASKED}')::${table};
      RETURN asked;
    END $body$;
    REVOKE ALL ON FUNCTION rollout.note_asked(), rollout.keep_asked() FROM PUBLIC;
    ${trigger(first, "note_asked")}
    ${trigger(last, "keep_asked")}`;
}
