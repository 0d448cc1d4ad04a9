import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "mocha";
import { temporaryFolder } from "./temporary-folder.ts";

/** A file system of a few pages that can be filled to the last byte. */
export interface SmallDisk {
  folder: string;
  /** Fills it but for so many pages. */
  fill(leftPages: number): void;
  /** Frees what `fill` took. */
  free(): void;
}

/** Runs `work` with a small disk; skips the test, and says so, where this user may not mount one. */
export async function onSmallDisk(test: Context, work: (disk: SmallDisk) => unknown): Promise<void> {
  const folder = temporaryFolder("disk");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], { stdio: "ignore" });
  } catch {
    console.warn("      skipped: this user may not mount a small file system to fill");
    return test.skip();
  }
  const ballast = join(folder, "ballast");
  const fill = (leftPages: number) => {
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(ballast, Buffer.alloc((bavail - leftPages) * bsize));
  };
  try {
    await work({ folder, fill, free: () => rmSync(ballast, { force: true }) });
  } finally {
    // Lazily: code that fails may have left a file open.
    execFileSync("umount", ["--lazy", folder]);
  }
}
