import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Gives this process, and all that it starts, a folder of its own for temporary files. What of ours is left there when it
 * ends is named, fails the run, and goes: a test or the product has forgotten it.
 */
export function watchTestFolder() {
  // A short name: sockets lie in there, and their paths have to fit into 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), "rt-"));
  // PostgreSQL runs as another user where we are root.
  chmodSync(folder, 0o1777);
  process.env.TMPDIR = folder;
  process.once("exit", () => {
    const left = readdirSync(folder).filter((name) => name.startsWith("rollout-"));
    rmSync(folder, { recursive: true, force: true });
    if (left.length === 0) return;
    process.stderr.write(
      `test: expected nothing of it to be left in ${folder}, got ${left.join(", ")}. Remove it there.\n`,
    );
    process.exit(1);
  });
}
