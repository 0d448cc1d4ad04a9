import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJson } from "../../system/durable-file.ts";
import type { SandboxPaths } from "../paths.ts";

const Secrets = z.strictObject({ owner: z.string().min(1), app: z.string().min(1) });

/** Passwords of the two roles that log in, made once per sandbox and kept with mode 0600. */
export type Secrets = z.infer<typeof Secrets>;

export function readSecrets(paths: SandboxPaths): Secrets {
  const file = join(paths.folder, "secrets.json");
  if (existsSync(file)) return Secrets.parse(JSON.parse(readFileSync(file, "utf8")));
  const secrets: Secrets = { owner: randomBytes(18).toString("hex"), app: randomBytes(18).toString("hex") };
  writeJson(file, secrets);
  return secrets;
}
