const LONGEST = 80;

/** Credentials in a URL, wherever someone may have put one. */
const CREDENTIALS = /(:\/\/)[^\s"]*@/g;

/** Characters that a terminal acts on or shows as nothing or a blank: C1 controls, odd blanks, direction marks. */
const UNSEEN = /[\u007f-\u00a0\u00ad\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff]/g;

/** A secret key of age, where its public key should have been. */
const SECRET_KEY = /AGE-SECRET-KEY-[A-Z0-9-]+/gi;

/** Text without the credentials of any URL, and without secret keys. */
export function hideCredentials(text: string): string {
  return text.replace(CREDENTIALS, "$1***@").replace(SECRET_KEY, "AGE-SECRET-KEY-***");
}

/** A value as a message shows it: JSON, one line, at most 80 characters, URLs without credentials. */
export function showValue(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = hideCredentials(JSON.stringify(value) ?? typeof value).replace(
    UNSEEN,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const letters = [...text];
  return letters.length <= LONGEST
    ? text
    : `${letters.slice(0, LONGEST).join("")}… (${letters.length} characters)`;
}

/** `change.normalise.spellings["Carve-Out "]`, `hosts[0].name`: also what `pulumi config --path` understands. */
export function showPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const name = String(part);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `[${showValue(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}
