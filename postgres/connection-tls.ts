import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from "node:tls";
import { StepError } from "../errors/step-error.ts";
import type { ConnectionWords, Host } from "./connection-words.ts";

/** What libpq reads where a word does not name another file. */
const own = (name: string) => join(homedir(), ".postgresql", name);

/** Certificates that the system trusts, as Debian, Red Hat and macOS keep them. */
const SYSTEM_ROOTS = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

/** `sslrootcert=system` as a file: PostgreSQL's programs know the word since 16 only. Undefined where there is none. */
export const systemRoots = () => SYSTEM_ROOTS.find((path) => existsSync(path));

function readNamed(word: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StepError(
      `postgres: expected a readable file for ${word} in databaseUrl, got ${path} (${(error as NodeJS.ErrnoException).code}). ` +
        `Put it there, or correct ${word}.`,
      { cause: error },
    );
  }
}

function refuseOpenKey(path: string): void {
  const { mode, uid } = statSync(path);
  // As libpq has it: its owner's alone, or root's and readable by a group.
  if ((mode & (uid === 0 ? 0o037 : 0o077)) === 0) return;
  throw new StepError(
    `postgres: expected sslkey ${path} to be readable by its owner alone, got mode ${(mode & 0o777).toString(8)}. chmod 600 it.`,
  );
}

function rootsOf(words: ConnectionWords["words"], mode: string): string | undefined {
  const { sslrootcert } = words;
  if (sslrootcert === "system") {
    if (mode !== "verify-full")
      throw new StepError(
        `postgres: expected sslmode=verify-full with sslrootcert=system, got ${mode}. Set it: a weaker one would let in whoever has any certificate.`,
      );
    const path = systemRoots();
    return path === undefined ? undefined : readFileSync(path, "utf8");
  }
  if (sslrootcert !== undefined) return readNamed("sslrootcert", sslrootcert);
  if (existsSync(own("root.crt"))) return readFileSync(own("root.crt"), "utf8");
  if (!mode.startsWith("verify-")) return undefined;
  throw new StepError(
    `postgres: expected the certificate that signs the server's for sslmode=${mode}, got no sslrootcert in databaseUrl and no ${own("root.crt")}. ` +
      "Set sslrootcert to its file, or to system for those that this machine trusts (with verify-full).",
  );
}

function clientCertificate(words: ConnectionWords["words"]): ConnectionOptions {
  const cert = words.sslcert ?? (existsSync(own("postgresql.crt")) ? own("postgresql.crt") : undefined);
  if (cert === undefined) return {};
  const key = words.sslkey ?? own("postgresql.key");
  const content = { cert: readNamed("sslcert", cert), key: readNamed("sslkey", key) };
  refuseOpenKey(key);
  return content;
}

/** TLS to this server as the words ask for it, and as libpq understands them. */
function encrypted(words: ConnectionWords["words"], mode: string, { host }: Host): ConnectionOptions {
  const ca = rootsOf(words, mode);
  // A root certificate makes `require` verify the chain.
  const verifies = mode.startsWith("verify-") || (mode === "require" && ca !== undefined);
  const version = (word: string) => words[word]?.replace(/^tls/i, "TLS") as ConnectionOptions["minVersion"];
  const [minVersion, maxVersion] = [version("ssl_min_protocol_version"), version("ssl_max_protocol_version")];
  return {
    rejectUnauthorized: verifies,
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      mode === "verify-full" ? checkServerIdentity(host, certificate) : undefined,
    ...(ca === undefined ? {} : { ca }),
    ...(words.sslcrl ? { crl: readNamed("sslcrl", words.sslcrl) } : {}),
    ...(words.sslsni === "0" ? { servername: "" } : {}),
    ...(minVersion ? { minVersion } : {}),
    ...(maxVersion ? { maxVersion } : {}),
    ...clientCertificate(words),
  };
}

/** One way to try a server: with TLS, or without. */
export type Attempt = ConnectionOptions | false;

/** The ways in which a server is tried, in order: `prefer`, which is libpq's default, and `allow` have a second one. */
export function attemptsOf({ words }: Pick<ConnectionWords, "words">, host: Host): Attempt[] {
  const { sslmode: mode = words.sslrootcert === "system" ? "verify-full" : "prefer" } = words;
  // A socket of this machine has no TLS.
  if (host.host.startsWith("/") || mode === "disable") return [false];
  const tls = encrypted(words, mode, host);
  if (mode === "allow") return [false, tls];
  return mode === "prefer" ? [tls, false] : [tls];
}

/** A failure after which libpq tries the other way: no TLS there, a broken handshake, no line for it in pg_hba.conf. */
export function mayTryOtherWay(error: unknown): boolean {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  return code === "28000" || /^(ERR_SSL|ERR_TLS|EPROTO)/.test(code) || /\bSSL\b/.test(message);
}
