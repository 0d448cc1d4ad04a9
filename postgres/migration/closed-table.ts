import type { Change } from "./change.ts";
import { quoteName, quoteText, subjectOf, tableName } from "./change-sql.ts";
import { MIGRATING } from "./normaliser.ts";

const TRIGGER = quoteName("~closed_for_maintenance");

/**
 * Session settings of the application's own command. With the first the tracker takes its writes for the rollout's
 * and the closed table lets them in; by the second the server ends its statement when the command is killed.
 */
export const COMMAND_OPTIONS = `-c ${MIGRATING}=on -c client_connection_check_interval=2s`;

/**
 * Closes the table to everybody but the sessions that carry `COMMAND_OPTIONS`. It outlives a killed run: whatever is
 * written from here to the end is the command's, also when somebody starts the writers by hand in between.
 * The caller holds SHARE ROW EXCLUSIVE.
 */
export function closeStatements(change: Change): string {
  const message = `${subjectOf(change)} is being migrated: its table is closed for maintenance`;
  const hint = `\`rollout up\` finishes the migration, a lower phase takes it back. The upgrade command itself has to hand PGOPTIONS over (docs/maintenance.md).`;
  const body = `BEGIN RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = ${quoteText(message)}, HINT = ${quoteText(hint)}; END`;
  return `
    CREATE OR REPLACE FUNCTION rollout.refuse_writes() RETURNS trigger LANGUAGE plpgsql
      SET search_path = pg_catalog, pg_temp AS ${quoteText(body)};
    CREATE TRIGGER ${TRIGGER} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${tableName(change)}
      FOR EACH STATEMENT WHEN (current_setting('${MIGRATING}', true) IS DISTINCT FROM 'on')
      EXECUTE FUNCTION rollout.refuse_writes();
    ALTER TABLE ${tableName(change)} ENABLE ALWAYS TRIGGER ${TRIGGER};`;
}

/** Opens the table again. The caller holds ACCESS EXCLUSIVE. */
export function reopenStatements(change: Change): string {
  return `DROP TRIGGER IF EXISTS ${TRIGGER} ON ${tableName(change)}; DROP FUNCTION IF EXISTS rollout.refuse_writes();`;
}
