import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureRepository } from "./repository.ts";

/** Prints the `releases` section for Pulumi.sandbox.yaml: to be pinned anew when the app's sources changed. */
const folder = mkdtempSync(join(tmpdir(), "rollout-releases-"));
const shas = await ensureRepository(join(folder, "repository"));
for (const [name, sha] of Object.entries(shas)) console.log(`    ${name}: "${sha}"`);
rmSync(folder, { recursive: true, force: true });
