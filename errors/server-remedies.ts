/** What helps, by SQLSTATE: a whole code before its class (the first two characters). */
const BY_CODE: Record<string, string> = {
  "22P02": "A value is not of the column's type: look for it by the column that is named, mend it there.",
  "23502": "A row lacks a value that the column needs: fill it in, or give the column a default.",
  "23503": "A row that is needed by another is missing, or still needed: mend the key that is named.",
  "23505": "Two rows have the same key: remove or change one of them.",
  "23514": "A row breaks the constraint: look for such rows by its condition, mend them there.",
  "23P01": "Two rows are in each other's way: mend one of them.",
  "25006": "The database takes no writes: is it a standby? Point databaseUrl at the primary.",
  "25P03": "Raise idle_in_transaction_session_timeout for this role, or set it to 0.",
  "25P04": "Raise transaction_timeout for this role, or set it to 0.",
  "28000": "Check databaseUrl and pg_hba.conf.",
  "28P01": "Correct databaseUrl: was the password rotated?",
  "3D000": "Correct the database's name in databaseUrl.",
  "40001": "Another transaction was in the way: run the same command again.",
  "40P01": "Two transactions waited for each other: run the same command again.",
  "42501": "Grant the role in databaseUrl this right, as the owner or a superuser.",
  "53100": "Free space on the server's disk, then run the same command again.",
  "53200": "The server ran out of memory: lower its work_mem or the load on it.",
  "53300": "Raise max_connections, or end idle sessions.",
  "55006": "Someone is using it: wait for that session (pg_stat_activity).",
  "55P03":
    "Another session holds the lock: wait for it (pg_locks, pg_stat_activity), then run the same command again.",
  "57014":
    "It was cancelled or hit statement_timeout: raise that for this role, then run the same command again.",
  "57P01": "The server ended the connection: once it answers, run the same command again.",
  "57P02": "The server crashed and recovers: once it answers, run the same command again.",
  "57P03": "The server is starting or stopping: run the same command again in a moment.",
  "57P04": "The database was dropped: correct databaseUrl.",
  "57P05": "Raise idle_session_timeout for this role, or set it to 0.",
  "58P01": "A file of the server is missing: is the extension's package installed there?",
};

const BY_CLASS: Record<string, string> = {
  "08": "The connection was lost: once the server answers, run the same command again.",
  "0A": "This server can't do that: check its version and settings.",
  "21": "A query gave more than one row where one is needed: look for rows that are there twice.",
  "22": "A value does not fit: look for it by the table and column that are named, mend it there.",
  "23": "Rows break a constraint: look for them by the constraint that is named, mend them there.",
  "25": "The transaction was in the wrong state: does a pooler lie in between? Give databaseUrl the server's own port.",
  "26": "A prepared statement is gone: does a pooler lie in between? Give databaseUrl the server's own port.",
  "28": "Check databaseUrl and pg_hba.conf.",
  "2B": "Other objects need it: look at what depends on it first.",
  "34": "A cursor is gone: does a pooler lie in between? Give databaseUrl the server's own port.",
  "3D": "Correct the database's name in databaseUrl.",
  "3F": "A schema is missing: is databaseUrl the right database?",
  "40": "The server rolled the transaction back: run the same command again.",
  "42": "The database differs from what was expected: is databaseUrl the right one, and is its schema as the application needs it?",
  "44": "A view refuses the row: look at its WITH CHECK OPTION.",
  "53": "The server is short of something: free it, then run the same command again.",
  "54": "A limit of the server was reached: lower what is asked of it.",
  "55": "It is not in the state that this needs: look at pg_stat_activity, then run the same command again.",
  "57": "Somebody stepped in: once that is settled, run the same command again.",
  "58": "The server's machine failed: look at the server's log and its disk.",
  "72": "The snapshot is too old: raise old_snapshot_threshold, or run again.",
  F0: "Mend the server's configuration file.",
  HV: "A foreign server failed: check it and the user mapping.",
  P0: "A function of the database refused: look at it and at what it asks of a row.",
  XX: "The server met damage or a fault of its own: look at its log before anything else.",
};

const UNKNOWN = "A function of the database raises this code: look at it and at what it asks of a row.";

/** What a person does about an error of the server. Every code has an answer. */
export const serverRemedy = (code: string): string => BY_CODE[code] ?? BY_CLASS[code.slice(0, 2)] ?? UNKNOWN;
