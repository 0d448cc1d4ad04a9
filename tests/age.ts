import { chmodSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { findOnPath } from "../bin/programs.mjs";
import { temporaryFolder } from "./temporary-folder.ts";

/** The same format by age's own author, for machines without the program: `-e -r … -o …`, `-d -i … -o …`, or from stdin to stdout. */
const STAND_IN = `#!${process.execPath}
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Decrypter, Encrypter } from ${JSON.stringify(import.meta.resolve("age-encryption"))};
const string = { type: "string" };
const options = { e: { type: "boolean", short: "e" }, d: { type: "boolean", short: "d" }, o: { ...string, short: "o" },
  i: { ...string, short: "i" }, r: { ...string, short: "r", multiple: true } };
const { values, positionals: [file] } = parseArgs({ options, allowPositionals: true });
try {
  const engine = values.d ? new Decrypter() : new Encrypter();
  if (values.d) engine.addIdentity(readFileSync(values.i, "utf8").trim());
  else for (const key of values.r) engine.addRecipient(key);
  const content = new Uint8Array(readFileSync(file ?? 0));
  const made = values.d ? await engine.decrypt(content) : await engine.encrypt(content);
  if (values.o) writeFileSync(values.o, made, { mode: 0o600 });
  else process.stdout.write(made);
} catch (error) {
  console.error("age: error: " + (/no identity/.test(error.message) ? "no identity matched any of the recipients" : error.message));
  process.exit(1);
}
`;

/** Puts the stand-in on PATH where age is not on this machine. @returns which of the two is used. */
export function provideAge(): "age" | "stand-in" {
  if (findOnPath("age")) return "age";
  const folder = temporaryFolder("age");
  const program = join(folder, "age");
  writeFileSync(program, STAND_IN);
  // A script without an extension is CommonJS, unless the folder says otherwise.
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  chmodSync(program, 0o755);
  process.env.PATH = `${folder}${delimiter}${process.env.PATH ?? ""}`;
  return "stand-in";
}

/** A new pair of keys: the public one, and the path of the secret one's file. */
export async function makeKeys(): Promise<{ recipient: string; file: string }> {
  const identity = await generateX25519Identity();
  const file = join(temporaryFolder("keys"), "identity.txt");
  writeFileSync(file, `${identity}\n`, { mode: 0o600 });
  return { recipient: await identityToRecipient(identity), file };
}
