import { StepError } from "../errors/step-error.ts";

/** One server of a connection string. */
export interface Host {
  /** Name, address or folder of a socket. */
  host: string;
  port: number;
  /** Where to connect to, if not by `host`, which then is what the certificate has to name. */
  address?: string;
}

/** A connection string as libpq reads it: a URL, or `key=value` words. */
export interface ConnectionWords {
  hosts: Host[];
  user: string;
  password: string;
  database: string;
  /** All other words that were given, by libpq's names; each is one that we and PostgreSQL's programs obey. */
  words: Readonly<Record<string, string>>;
}

type Rule = readonly string[] | RegExp;

const ANY = /^/;
const NUMBER = /^-?\d+$/;
const PROTOCOL = /^TLSv1(\.[123])?$/i;

/** What a word may be; those of a list that are not in it are refused by name. */
const WORDS: Readonly<Record<string, Rule>> = {
  sslmode: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
  sslrootcert: ANY,
  sslcert: ANY,
  sslkey: ANY,
  sslcrl: ANY,
  sslsni: ["0", "1"],
  sslnegotiation: ["postgres", "direct"],
  ssl_min_protocol_version: PROTOCOL,
  ssl_max_protocol_version: PROTOCOL,
  gssencmode: ["disable", "prefer"],
  channel_binding: ["disable", "prefer", "require"],
  target_session_attrs: ["any", "read-write", "primary"],
  load_balance_hosts: ["disable"],
  connect_timeout: NUMBER,
  application_name: ANY,
  options: ANY,
};

/** Taken and passed over: our sessions have what is right for them, and nothing that we read depends on it. */
const PASSED_OVER = new Set([
  ...["fallback_application_name", "client_encoding", "keepalives", "keepalives_idle", "keepalives_interval"],
  ...["keepalives_count", "tcp_user_timeout", "sslcompression", "sslcertmode", "uselibpqcompat"],
]);

/** What to do instead, for words that libpq knows and we can't obey. */
const WAYS: Readonly<Record<string, string>> = {
  service: "Write what the service file says of it into databaseUrl",
  servicefile: "Write what the service file says into databaseUrl",
  passfile: "Write the password into databaseUrl, which is kept as a secret",
  replication: "Remove it from databaseUrl: where replication is needed it is asked for",
  load_balance_hosts: "Remove it from databaseUrl: all sessions have to reach one server",
  target_session_attrs: "A rollout writes: set it to read-write or primary",
  gssencmode: "GSSAPI is not supported: set it to disable, and sslmode for encryption",
  sslpassword: "Give a key without a passphrase that its owner alone may read: pg_dump takes none from here",
  sslcrldir: "Set sslcrl to a file",
  ssl: "Write sslmode instead: disable, require or verify-full",
  requiressl: "Write sslmode=require instead",
};

const refusal = (what: string, got: string, way: string) =>
  new StepError(`postgres: expected ${what}, got ${got}. ${way}.`);

function refuseWord(name: string, value?: string): StepError {
  const way = WAYS[name] ?? `Remove ${name} from databaseUrl`;
  const rule = WORDS[name];
  if (value !== undefined && rule) {
    const allowed = Array.isArray(rule) ? ` (${rule.join(", ")})` : "";
    return refusal(
      `a value of ${name} in databaseUrl that is supported${allowed}`,
      JSON.stringify(value),
      WAYS[name] ?? "Correct it",
    );
  }
  const known = Object.keys(WORDS).join(", ");
  return refusal(
    `only words of a connection string that we and pg_dump obey (${known})`,
    JSON.stringify(name),
    way,
  );
}

/** A fault of form, told without the text, which holds the password. */
export class MalformedConnection extends StepError {
  override name = "MalformedConnection";
}

const malformed = (what: string) =>
  new MalformedConnection(
    `postgres: expected databaseUrl to be postgres://user:password@host:port/database or key=value words, as libpq reads them, got ${what}. ` +
      "Correct it; special characters in a URL are percent-encoded.",
  );

function decode(text: string): string {
  if (text.includes("%00")) throw malformed("a %00");
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed("a % without two hexadecimal digits behind it");
  }
}

/** `[::1]:5432`, `host`, `%2Fvar%2Frun:5433`; IPv6 addresses are in brackets. */
function splitHost(text: string): { host: string; port: string } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text);
  if (!match) throw malformed("a host that can't be read (an IPv6 address has to be in brackets)");
  return { host: match[1] ?? decode(match[2] ?? ""), port: match[3] ?? "" };
}

function readUrl(text: string): Map<string, string> {
  const match =
    /^postgres(?:ql)?:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(
      text,
    );
  if (!match) throw malformed("a URL that can't be read");
  const [, user, password, authority = "", database, query = ""] = match;
  const found = new Map<string, string>();
  const put = (name: string, value: string | undefined) => value && found.set(name, decode(value));
  put("user", user);
  put("password", password);
  put("dbname", database);
  const hosts = authority.split(",").map(splitHost);
  if (authority !== "") {
    found.set("host", hosts.map(({ host }) => host).join(","));
    if (hosts.some(({ port }) => port !== "")) found.set("port", hosts.map(({ port }) => port).join(","));
  }
  for (const pair of query.split("&").filter(Boolean)) {
    // Not by its name, which may be the rest of a password.
    if (!/^[^=]+=/.test(pair)) throw malformed("a word without = behind the ?");
    const [name = "", value = ""] = pair.split(/=(.*)/s, 2);
    found.set(decode(name), decode(value));
  }
  // For JDBC's sake libpq takes this word in a URL as well.
  if (found.get("ssl") === "true") found.set("sslmode", "require");
  if (found.get("ssl") === "true") found.delete("ssl");
  return found;
}

/** `host=db user = me password='it''s \' so'`: values with blanks are quoted, `\` takes the next one as it is. */
function readPairs(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)*))(?=\s|$)/sy;
  while (text.slice(pair.lastIndex).trim() !== "") {
    const match = pair.exec(text);
    if (!match) throw malformed("words that can't be read (key=value, values with blanks in quotes)");
    found.set(match[1] as string, (match[2] ?? match[3] ?? "").replace(/\\(.)/gs, "$1"));
  }
  return found;
}

function listHosts(found: Map<string, string>): Host[] {
  const list = (name: string) => found.get(name)?.split(",") ?? [];
  const [names, addresses, ports] = [list("host"), list("hostaddr"), list("port")];
  const count = Math.max(names.length, addresses.length);
  if (count === 0) throw malformed("no host");
  if (names.length > 0 && addresses.length > 0 && names.length !== addresses.length)
    throw malformed(`${names.length} hosts and ${addresses.length} of hostaddr`);
  if (ports.length > 1 && ports.length !== count) throw malformed(`${count} hosts and ${ports.length} ports`);
  return Array.from({ length: count }, (_, at) => {
    const port = (ports.length === 1 ? ports[0] : ports[at]) || "5432";
    const address = addresses[at];
    const host = names[at] || address || "";
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || Number(port) === 0)
      throw malformed(`the port ${port}`);
    if (host === "") throw malformed("an empty host");
    // Not by its name: the end of a password stands there when its @ is not written as %40.
    if (!host.startsWith("/") && !/^@?[^\s@;=/]+$/.test(host))
      throw malformed("a host with a blank, @, ; or = in it");
    return { host, port: Number(port), ...(address ? { address } : {}) };
  });
}

const isAllowed = (rule: Rule, value: string) =>
  rule instanceof RegExp ? rule.test(value) : rule.includes(value);

function checkWords(found: Map<string, string>): Record<string, string> {
  const words: Record<string, string> = {};
  for (const [name, value] of found) {
    if (["host", "hostaddr", "port", "user", "password", "dbname"].includes(name) || PASSED_OVER.has(name))
      continue;
    const rule = WORDS[name];
    if (!rule) throw refuseWord(name);
    if (value === "") continue;
    if (!isAllowed(rule, value)) throw refuseWord(name, value);
    words[name] = value;
  }
  return words;
}

/**
 * Reads a connection string as libpq does.
 * @throws {StepError} for one that can't be read, and by name for a word that we or PostgreSQL's programs could not obey;
 * no message shows the password.
 */
export function readConnectionWords(given: string): ConnectionWords {
  // A secret that was piped in ends with a line break.
  const text = given.trim();
  const [, scheme] = /^((?:jdbc:)?[a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  // Frameworks write the driver there: postgresql+psycopg2, jdbc:postgresql.
  if (scheme !== undefined && !/^postgres(ql)?$/.test(scheme))
    throw malformed(`a URL that begins with ${scheme}://`);
  const found = scheme === undefined ? readPairs(text) : readUrl(text);
  const words = checkWords(found);
  const hosts = listHosts(found);
  const user = found.get("user") ?? "";
  if (user === "") throw malformed("no user");
  // libpq would take the user's name: for a rollout that is more likely a slip.
  const database = found.get("dbname") ?? "";
  if (database === "") throw malformed("no database");
  return { hosts, user, password: found.get("password") ?? "", database, words };
}
