/** Variables that hold a secret as a whole, by their names: ours, Pulumi's, the cloud's. */
const SECRET_VARIABLE = /(PASSWORD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS|_KEY)$|^(ROLLOUT_MAIL)$/i;

/** Passwords within a connection string, a URL or words, however badly it is written. */
function passwordsIn(address: string): string[] {
  const [, inUrl = ""] = /:\/\/[^:@/?]*:(.*)@/s.exec(address) ?? [];
  const words = [...address.matchAll(/\bpassword\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s&']+))/g)];
  return [inUrl, ...words.map(([, quoted, plain]) => quoted ?? plain ?? "")];
}

function decoded(secret: string): string {
  try {
    return decodeURIComponent(secret);
  } catch {
    // A stray % stands for itself.
    return secret;
  }
}

/** The secrets that this process was given: the password within the connection string, and texts within JSON. */
function knownSecrets(environment: NodeJS.ProcessEnv): string[] {
  const whole = Object.entries(environment).flatMap(([name, value]) =>
    SECRET_VARIABLE.test(name) && value ? [value] : [],
  );
  const passwords = passwordsIn(environment.ROLLOUT_DATABASE_URL ?? "");
  const inner = [...(environment.ROLLOUT_MAIL ?? "").matchAll(/:\s*"([^"]{4,})"/g)].map(
    ([, text]) => text ?? "",
  );
  const all = [...whole, ...passwords, ...passwords.map(decoded), ...inner];
  // The longest first: a shorter one may be a part of it.
  return all.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
}

/** What stands for a secret in a text of anybody: what is before it stays. */
const PLACES: [RegExp, string][] = [
  // A password may hold a / or an @ that should have been written as %2F and %40; a port is none.
  [/:\/\/[^\s:/@]*:(?!\d{1,5}(?:[/?#,\s]|$))\S*@/g, "://***@"],
  [/:\/\/[^\s/?#]*@/g, "://***@"],
  [
    /((?:pass(?:word|wd|phrase)|secret|token|api_?key)["']?\s*=\s*)('(?:[^'\\]|\\.)*'|"[^"]*"|[^\s&,;'"]+)/gi,
    "$1***",
  ],
  [/((?:pass(?:word|wd|phrase)|secret|token|api_?key)["']\s*:\s*)(["'])(?:(?!\2).)*\2/gi, "$1$2***$2"],
  [/(authorization["']?\s*[:=]\s*["']?\w+\s+)[^\s"']+/gi, "$1***"],
];

/** A text in one line, bounded, without the secrets of this process and without any password that is told as one. */
export function redact(text: string, environment: NodeJS.ProcessEnv = process.env): string {
  let safe = text.replaceAll(/\s+/g, " ").trim();
  for (const secret of knownSecrets(environment)) safe = safe.replaceAll(secret, "***");
  for (const [place, shown] of PLACES) safe = safe.replaceAll(place, shown);
  return safe.slice(0, 400);
}
