import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { SandboxPaths } from "../paths.ts";

const Secrets = z.strictObject({ owner: z.string().min(1), app: z.string().min(1) });

/** Passwords of the two roles that log in, made once per sandbox and kept with mode 0600. */
export type Secrets = z.infer<typeof Secrets>;

export function readSecrets(paths: SandboxPaths): Secrets {
  const file = join(paths.folder, "secrets.json");
  if (existsSync(file)) return Secrets.parse(JSON.parse(readFileSync(file, "utf8")));
  const secrets: Secrets = { owner: randomBytes(18).toString("hex"), app: randomBytes(18).toString("hex") };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
