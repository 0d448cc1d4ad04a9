import { StepError } from "../errors/step-error.ts";
import { sqlState } from "./transaction.ts";

/** Where a connection was to go, without its password. */
export interface Address {
  host: string;
  port: number;
  database: string;
  user: string;
}

/** OpenSSL's words for a chain that ends in nothing that is trusted. */
const UNTRUSTED = [
  ...["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ...["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERT_SIGNATURE_FAILURE"],
];

const NO_PROOF =
  "a certificate that nothing here vouches for. Set sslrootcert to the one that signs it, or sslmode=require to go without proof";

const REASONS: Record<string, (to: Address) => string> = {
  "28P01": (to) => `a refused password for role ${to.user}. Correct databaseUrl (a rotated password?)`,
  "28000": (to) => `a refusal of role ${to.user}. Check databaseUrl and pg_hba.conf`,
  "3D000": (to) => `no database ${to.database} on that server. Correct databaseUrl`,
  "42501": (to) => `no right to connect for role ${to.user}. GRANT CONNECT ON DATABASE to it`,
  "53300": () => "a server with no free connection. Raise max_connections or end idle sessions",
  "57P03": () => "a server that is starting up or shutting down. Run again in a moment",
  ECONNREFUSED: () => "a refused connection. Start the server, or correct databaseUrl",
  ENOTFOUND: () => "an unknown host name. Correct databaseUrl",
  EAI_AGAIN: () => "a host name that could not be looked up. Check the name and the network",
  EHOSTUNREACH: () => "no route to the host. Check the network",
  ENETUNREACH: () => "no route to the network. Check the network",
  ETIMEDOUT: () => "no answer. Check host, port and firewall",
  ...Object.fromEntries(UNTRUSTED.map((code) => [code, () => `${NO_PROOF} (${code})`])),
  CERT_HAS_EXPIRED: () => "a certificate that has expired. Renew the server's certificate",
  CERT_NOT_YET_VALID: () => "a certificate that is not valid yet. Check both clocks",
  CERT_REVOKED: () => "a certificate that was revoked. Renew the server's certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: (to) =>
    `a certificate that does not name ${to.host}. Give the name that it holds as host, or set sslmode=verify-ca`,
  ENOENT: () => "no socket of that name. Start the server, or correct databaseUrl",
};

/** Why we do not want the server that answered, with the remedy and without a full stop. */
export class Refusal extends Error {
  override name = "Refusal";
}

const POOLER = "a connection pooler such as PgBouncer in between";

/** Texts with which poolers refuse the pinned start-up settings that a server takes. */
const POOLER_REFUSAL = /unsupported startup parameter|pgbouncer|no such (database|pool)/i;

function reasonOf(error: unknown, address: Address): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Refusal) return message;
  const code = sqlState(error) ?? (error as { code?: string } | null)?.code ?? "";
  const known = REASONS[code];
  if (known) return known(address);
  if (/does not support SSL/.test(message))
    return "a server without TLS. Turn ssl on there, or set sslmode=prefer or disable";
  if (/timeout/i.test(message)) return "no answer in time. Check host, port and firewall";
  if (POOLER_REFUSAL.test(message)) return poolerReason(message);
  return `${message}. Check databaseUrl`;
}

/** Why a pooler is refused, in one sentence with its remedy. */
export function poolerReason(sign: string): string {
  return (
    `${POOLER} (${sign}). ` +
    "Online DDL and the lease need a session of their own: give databaseUrl the server's own port"
  );
}

/**
 * An error that says where the connection was to go and what to do. It never holds the password.
 * @param failures of each server that was tried, one at least.
 */
export function connectError(failures: readonly { error: unknown; address: Address }[]): StepError {
  const place = ({ host, port }: Address) => `${host}:${port}`;
  const [first] = failures;
  const where = `${failures.map(({ address }) => place(address)).join(" or ")}, database ${first?.address.database}`;
  const reasons = failures.map(({ error, address }) => {
    const reason = reasonOf(error, address);
    return failures.length > 1 ? `from ${place(address)} ${reason}` : reason;
  });
  return new StepError(`postgres: expected a connection to ${where}, got ${reasons.join("; ")}.`, {
    cause: failures.at(-1)?.error,
  });
}
