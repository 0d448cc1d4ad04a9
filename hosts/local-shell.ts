import { spawn } from "node:child_process";
import { once } from "node:events";
import { endGroup } from "../processes/child-process.ts";
import { composeScript, type HostScript } from "./host-script.ts";
import { type HostAddress, HostError, type HostShell, type RunOptions } from "./host-shell.ts";

/** Bytes of stdout: an environment file in base64 has to fit in. */
const LARGEST_OUTPUT = 16 << 20;
/** Bytes of stderr that are kept, the last ones: they hold the reason. */
const KEPT_OUTPUT = 8_192;
const LINES_SHOWN = 5;
/** Our own clock is the second one: the host's `timeout` has this long to say so itself. */
const GRACE_MS = 5_000;

/** Exit codes with a meaning of their own. `refuse` in hosts/scripts uses the first. */
const REFUSED = 65;
const TIMED_OUT = [124, 137];

type Ending = "cancelled" | "timed out" | "too much output";

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
  ending: Ending | undefined;
}

function environmentOf({ path }: HostAddress): NodeJS.ProcessEnv {
  const { PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" } = process.env;
  return { PATH: path ? `${path}:${PATH}` : PATH, LC_ALL: "C" };
}

/** stdin stays open until the script has ended: its closing is what ends the script when we die (host-script.ts). */
async function runHere(
  host: HostAddress,
  input: string,
  { timeoutMs, signal, onOutput }: RunOptions,
): Promise<Outcome> {
  const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
  const argv = ["-k", "5", String(seconds), "/bin/sh", "-s"];
  const child = spawn("timeout", argv, { detached: true, env: environmentOf(host), stdio: "pipe", cwd: "/" });
  let ending: Ending | undefined;
  const end = (reason: Ending) => {
    ending ??= reason;
    endGroup(child.pid);
  };
  const timer = setTimeout(() => end("timed out"), seconds * 1000 + GRACE_MS);
  const cancel = () => end("cancelled");
  signal.addEventListener("abort", cancel, { once: true });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    if (onOutput) return onOutput(chunk);
    stdout += chunk;
    if (stdout.length > LARGEST_OUTPUT) end("too much output");
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr = (stderr + chunk).slice(-KEPT_OUTPUT);
  });
  // A script that ends early does not read the rest of it.
  child.stdin.on("error", () => undefined).write(input);
  try {
    if (signal.aborted) cancel();
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout, stderr, ending };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
    endGroup(child.pid);
    child.stdin.destroy();
  }
}

function faultOf(host: string, { code, stderr, ending }: Outcome, options: RunOptions): string {
  const said = stderr.trim().split("\n").slice(-LINES_SHOWN).join("; ").slice(-1_000);
  const refused = /^refused: (.*)$/m.exec(stderr)?.[1];
  if (code === REFUSED && refused) return refused;
  const after = said ? `: ${said}` : "";
  if (ending === "timed out" || (!ending && code !== null && TIMED_OUT.includes(code)))
    return `expected it to end within ${options.timeoutMs / 1000} s on ${host}, got no end${after}. Look at the host, then run again.`;
  const got = ending ?? (code === null ? "a signal that ended it" : `exit code ${code}`);
  return `expected it to end well on ${host}, got ${got}${after}. Look at the host, then run again.`;
}

async function run(host: HostAddress, script: HostScript, options: RunOptions): Promise<string> {
  if (host.connection) {
    const reason = `expected ${host.name} to be this machine, got a connection. Remote hosts are not built yet.`;
    throw new HostError(script.name, host.name, reason);
  }
  const outcome = await runHere(host, composeScript(host.name, script), options).catch((cause: Error) => {
    const reason = `expected \`timeout\` and \`sh\` on ${host.name}, got ${cause.message}. Install coreutils.`;
    throw new HostError(script.name, host.name, reason, { cause });
  });
  if (outcome.ending === "cancelled") options.signal.throwIfAborted();
  if (outcome.code === 0 && !outcome.ending) return outcome.stdout;
  throw new HostError(script.name, host.name, faultOf(host.name, outcome, options));
}

/** Runs scripts on this machine, as the user who runs the program. */
export const localShell: HostShell = { run };
