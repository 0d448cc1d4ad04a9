import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { buildEngine, builtEngine } from "./engine-build.mjs";
import { downloadEngine, downloadedEngine } from "./engine-download.mjs";
import { downloadBase, reachesDownloads } from "./internet.mjs";
import { TOOLCHAIN } from "./paths.mjs";
import { findGo, findOnPath } from "./programs.mjs";
import { SetupError, say } from "./say.mjs";
import { atLeast, ENGINE, GO, OLDEST_ENGINE } from "./versions.mjs";

/** The official CLI on PATH, if its version fits: same major version, not older than the SDK. */
function engineOnPath() {
  const pulumi = findOnPath("pulumi", TOOLCHAIN);
  if (!pulumi) return undefined;
  try {
    const [, version] =
      /v?(\d+\.\d+\.\d+)/.exec(execFileSync(pulumi, ["version"], { encoding: "utf8" })) || [];
    const fits = version && atLeast(version, OLDEST_ENGINE) && version.split(".")[0] === ENGINE.split(".")[0];
    // Without the language host beside it, it is an engine of ours or a half installation.
    return fits && findOnPath("pulumi-language-nodejs", TOOLCHAIN) ? { path: pulumi, version } : undefined;
  } catch {
    return undefined;
  }
}

function noEngine() {
  return [
    {
      what: `Pulumi: neither Go ${GO} or newer to build it, nor a connection to ${downloadBase()} to download it`,
      install:
        `curl -fsSL https://go.dev/dl/go1.25.11.linux-amd64.tar.gz | tar -C /usr/local -xz && export PATH=$PATH:/usr/local/go/bin\n` +
        "      or connect the machine to the internet once, or put the official CLI on PATH: curl -fsSL https://get.pulumi.com | sh",
    },
  ];
}

/** `ROLLOUT_TOOLCHAIN=official|airgap` decides instead of the machine. */
export function forcedToolchain() {
  const forced = process.env.ROLLOUT_TOOLCHAIN;
  if (!forced || forced === "official" || forced === "airgap") return forced || undefined;
  throw new SetupError(
    `toolchain: expected official or airgap for ROLLOUT_TOOLCHAIN, got ${JSON.stringify(forced)}. Correct it or unset it.`,
  );
}

/**
 * Decides where the engine comes from, without doing anything yet: `found`, `download`, `build`,
 * or `missing` with what to tell the person.
 */
export async function chooseEngine() {
  const forced = forcedToolchain();
  if (forced !== "airgap") {
    const found = engineOnPath();
    if (found) return { kind: "official", source: "found", path: found.path, version: found.version };
    if (downloadedEngine())
      return { kind: "official", source: "download", path: downloadedEngine(), version: ENGINE };
  }
  if (forced !== "official" && builtEngine())
    return { kind: "airgap", source: "build", path: builtEngine(), version: ENGINE };
  if (forced !== "airgap" && (await reachesDownloads()))
    return { kind: "official", source: "download", version: ENGINE };
  const go = forced !== "official" && findGo();
  if (go) return { kind: "airgap", source: "build", go, version: ENGINE };
  return { missing: noEngine() };
}

/** Makes the choice come true; returns it with the path of `pulumi`. */
export async function provideEngine(choice) {
  if (choice.source === "found") {
    say(`Engine: official Pulumi ${choice.version}, found at ${choice.path}`);
    return choice;
  }
  let path = choice.path;
  if (!path) path = choice.source === "download" ? await downloadEngine() : await buildEngine(choice.go);
  const origin = choice.source === "download" ? "official" : "built from tools/";
  say(`Engine: Pulumi ${choice.version}, ${origin}, in ${dirname(path)}`);
  return { ...choice, path };
}
