import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCached } from "./cached.mjs";
import { downloadBase } from "./internet.mjs";
import { cacheFolder } from "./paths.mjs";
import { SetupError, say } from "./say.mjs";
import { ENGINE } from "./versions.mjs";

function folder() {
  return join(cacheFolder(), `official-${ENGINE}`);
}

/** Path of the engine downloaded earlier, or undefined. */
export function downloadedEngine() {
  const path = join(folder(), "pulumi", "pulumi");
  return existsSync(path) ? path : undefined;
}

function archiveName() {
  const processor = { x64: "x64", arm64: "arm64" }[process.arch];
  const system = { linux: "linux", darwin: "darwin" }[process.platform];
  if (processor && system) return `pulumi-v${ENGINE}-${system}-${processor}.tar.gz`;
  throw new SetupError(
    `engine: expected linux or darwin on x64 or arm64, got ${process.platform} on ${process.arch}. ` +
      "Build the engine instead: install Go and set ROLLOUT_TOOLCHAIN=airgap.",
  );
}

async function get(url) {
  const fault = (seen) =>
    new SetupError(
      `engine: expected ${url} to be there, got ${seen}. Try again, or set ROLLOUT_TOOLCHAIN=airgap.`,
    );
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(600_000) });
    if (!response.ok) throw fault(`status ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw error instanceof SetupError ? error : fault(error.cause ? error.cause.message : error.message);
  }
}

/** Guards against a truncated or altered file; a mirror that has no list of checksums is refused. */
async function verify(archive, name) {
  const list = (await get(`${downloadBase()}/pulumi-${ENGINE}-checksums.txt`)).toString("utf8");
  const expected = list.split("\n").find((line) => line.trim().endsWith(name));
  const actual = createHash("sha256").update(archive).digest("hex");
  if (expected && expected.trim().split(/\s+/)[0] === actual) return;
  throw new SetupError(
    `engine: expected the published SHA-256 for ${name}, got ${actual}. Download again, or set ROLLOUT_TOOLCHAIN=airgap.`,
  );
}

async function unpack(name, part) {
  say(`Engine: downloading Pulumi ${ENGINE} from ${downloadBase()}, once for all checkouts`);
  const archive = await get(`${downloadBase()}/${name}`);
  await verify(archive, name);
  writeFileSync(join(part, name), archive);
  const { status } = spawnSync("tar", ["-xzf", name], { cwd: part, stdio: ["ignore", 2, 2] });
  if (status !== 0)
    throw new SetupError(`engine: expected tar to unpack ${name}, got exit code ${status}. Install tar.`);
  rmSync(join(part, name));
}

/** Downloads the official CLI with its language hosts into the user's cache. Returns the path of `pulumi`. */
export async function downloadEngine() {
  const name = archiveName();
  await makeCached(folder(), {
    waiting: "Engine: another set-up downloads it, waiting …",
    make: (part) => unpack(name, part),
  });
  return downloadedEngine();
}
