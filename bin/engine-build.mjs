import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeCached } from "./cached.mjs";
import { cacheFolder, ROOT } from "./paths.mjs";
import { SetupError, say } from "./say.mjs";
import { ENGINE } from "./versions.mjs";

const PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";

/** Folder of the engine that these go.mod and go.sum give; a checkout with others has another. */
function folder() {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(ROOT, "tools", file)));
  return join(cacheFolder(), `engine-${ENGINE}-${hash.digest("hex").slice(0, 12)}`);
}

/** Path of the engine built earlier, by any checkout of this user; undefined when there is none. */
export function builtEngine() {
  const path = join(folder(), "pulumi");
  return existsSync(path) ? path : undefined;
}

function goBuild(go, output) {
  const version = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${ENGINE}`;
  const args = [
    "build",
    "-C",
    join(ROOT, "tools"),
    "-trimpath",
    "-ldflags",
    `-s -w ${version}`,
    "-o",
    output,
    PACKAGE,
  ];
  return new Promise((resolve, reject) => {
    // CGO off: no C compiler is needed, and the engine runs on any Linux of the same processor.
    const child = spawn(go, args, { stdio: ["ignore", 2, 2], env: { ...process.env, CGO_ENABLED: "0" } });
    const minutes = setInterval(() => say("Engine: still building …"), 60_000);
    // A set-up that is ended must not leave minutes of compiling behind.
    const end = () => child.kill("SIGTERM");
    process.once("SIGINT", end).once("SIGTERM", end);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearInterval(minutes);
      process.off("SIGINT", end).off("SIGTERM", end);
      code === 0 ? resolve() : reject(new SetupError(buildFault(signal || `exit code ${code}`)));
    });
  });
}

function buildFault(seen) {
  return (
    `engine: expected go build in ${join(ROOT, "tools")} to succeed, got ${seen}. ` +
    "See Go's message above; behind a proxy or mirror set GOPROXY."
  );
}

/** Builds the engine into the user's cache. Returns its path. */
export async function buildEngine(go) {
  await makeCached(folder(), {
    waiting: "Engine: another set-up is building it, waiting …",
    make: (part) => {
      say(`Engine: building Pulumi ${ENGINE} with Go, 2–4 minutes, once for all checkouts`);
      return goBuild(go, join(part, "pulumi"));
    },
  });
  return builtEngine();
}
