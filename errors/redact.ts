/** Variables that hold a secret as a whole. */
const SECRET_VARIABLES = ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "PGPASSWORD", "ROLLOUT_MAIL"];

/** The secrets that this process was given: the password within the connection string, and texts within JSON. */
function knownSecrets(environment: NodeJS.ProcessEnv): string[] {
  const whole = SECRET_VARIABLES.map((name) => environment[name] ?? "");
  const password = /:\/\/[^/@\s]*?:([^/@\s]+)@/.exec(environment.ROLLOUT_DATABASE_URL ?? "")?.[1] ?? "";
  const inner = [...(environment.ROLLOUT_MAIL ?? "").matchAll(/:\s*"([^"]{4,})"/g)].map(
    ([, text]) => text ?? "",
  );
  let decoded = password;
  try {
    decoded = decodeURIComponent(password);
  } catch {
    // A stray % stands for itself.
  }
  return [...whole, password, decoded, ...inner].filter((secret) => secret.length >= 4);
}

/** A text in one line, bounded, without the secrets of this process and without any password in an address. */
export function redact(text: string, environment: NodeJS.ProcessEnv = process.env): string {
  let safe = text.replaceAll(/\s+/g, " ").trim();
  for (const secret of knownSecrets(environment)) safe = safe.replaceAll(secret, "***");
  return safe.replaceAll(/:\/\/[^/\s@]*@/g, "://***@").slice(0, 400);
}
