import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { composeScript } from "../../hosts/host-script.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { runHostCommand } from "../../hosts/service-units.ts";
import { writer as hostWriter, makeHost } from "./host-fixture.ts";

/** With time enough for any command here. */
const writer = (...args: Parameters<typeof hostWriter>) => ({ ...hostWriter(...args), timeoutSeconds: 60 });

const SCRIPTS = fileURLToPath(new URL("../../hosts/scripts/", import.meta.url));

const OPTIONS = { timeoutMs: 10_000, signal: new AbortController().signal };

const files = ({ folder }: { folder: string }) => [join(folder, "said"), join(folder, "env")];

async function waitFor(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !what(); tries += 1) await sleep(20);
  equal(what(), true);
}

function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

describe("running a script on a host", () => {
  it("gives it parameters whatever is in them, in no argv and no environment", async () => {
    const host = makeHost();
    const value = `a'b "c" $HOME \`id\` \\ \n ü ; exit 3`;
    await runHostCommand(
      host,
      ["sh", "-c", 'printf %s "$1" >"$2"; env >"$3"', "x", value, ...files(host)],
      writer(),
    );
    equal(readFileSync(join(host.folder, "said"), "utf8"), value);
    deepEqual(
      readFileSync(join(host.folder, "env"), "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split("=")[0])
        .sort(),
      ["LC_ALL", "PATH", "PWD"],
    );
    const seen = composeScript(host.name, { name: "host-command", parameters: { words: "x" } });
    match(seen, /^p_host='host-a'\np_words='x'\n/);
  });

  it("puts the host's own folder first on PATH", async () => {
    const host = makeHost();
    const { PATH = "" } = process.env;
    await runHostCommand(host, ["sh", "-c", 'echo "$PATH" >"$0"', join(host.folder, "said")], writer());
    equal(readFileSync(join(host.folder, "said"), "utf8"), `${host.path}:${PATH}\n`);
  });

  it("never runs half a script, wherever it is cut off", async () => {
    const host = makeHost();
    const marker = join(host.folder, "ran");
    const text = composeScript(host.name, {
      name: "host-command",
      parameters: { words: `'touch' '${marker}'` },
    });
    const run = async (part: string) => {
      const child = spawn("sh", ["-s"], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
      child.stdin?.on("error", () => undefined).end(part);
      await once(child, "exit");
    };
    for (let length = 0; length < text.length - 1; length += 13) await run(text.slice(0, length));
    for (let back = 2; back < 20; back += 1) await run(text.slice(0, -back));
    equal(existsSync(marker), false);
    await localShell.run(
      host,
      { name: "host-command", parameters: { words: `'touch' '${marker}'` } },
      OPTIONS,
    );
    equal(existsSync(marker), true);
  });

  it("names host, script and what it said when it fails", async () => {
    const argv = ["sh", "-c", "echo no such balancer >&2; exit 7"];
    await rejects(runHostCommand(makeHost(), argv, writer()), {
      name: "HostError",
      host: "host-a",
      message:
        "host-command: expected it to end well on host-a, got exit code 7: no such balancer. Look at the host, then run again.",
    });
  });

  it("ends it with all that it started, at its time limit and on cancel", async () => {
    for (const how of ["limit", "cancel"]) {
      const host = makeHost();
      const file = join(host.folder, "pid");
      const words = `'sh' '-c' 'sleep 60 & echo $! >${file}; wait'`;
      const script = { name: "host-command", parameters: { words } };
      const cancel = new AbortController();
      const timeoutMs = how === "limit" ? 1_000 : 60_000;
      const run = localShell.run(host, script, { timeoutMs, signal: cancel.signal });
      const ended = rejects(run, how === "limit" ? /expected it to end within 1 s on host-a/ : /AbortError/);
      await waitFor(() => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"));
      if (how === "cancel") cancel.abort();
      await ended;
      await waitFor(() => !isRunning(Number(readFileSync(file, "utf8"))));
    }
  });

  it("ends it when the program that started it is killed", async () => {
    const host = makeHost();
    const file = join(host.folder, "pid");
    const words = ["sh", "-c", `sleep 60 & echo $! >${file}; wait`];
    const code = `
      import { localShell } from ${JSON.stringify(new URL("../../hosts/local-shell.ts", import.meta.url).href)};
      import { quoteWords } from ${JSON.stringify(new URL("../../system/shell-word.ts", import.meta.url).href)};
      const script = { name: "host-command", parameters: { words: quoteWords(${JSON.stringify(words)}) } };
      await localShell.run({ name: "h" }, script, { timeoutMs: 60000, signal: new AbortController().signal });`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      stdio: "inherit",
    });
    await waitFor(() => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"));
    child.kill("SIGKILL");
    await once(child, "exit");
    await waitFor(() => !isRunning(Number(readFileSync(file, "utf8"))));
  });

  it("refuses a run that another one has overtaken, and says how to go on", async () => {
    const host = makeHost();
    await runHostCommand(host, ["true"], writer(7));
    await runHostCommand(host, ["true"], writer(7));
    await rejects(
      runHostCommand(host, ["touch", join(host.folder, "ran")], writer(6)),
      /expected no later run on host-a than record 6, got 7: another run, or another evidence store, has taken over/,
    );
    equal(existsSync(join(host.folder, "ran")), false);
  });

  it("refuses a token file that it cannot read as a number", async () => {
    const host = makeHost();
    mkdirSync(join(host.appDir, ".rollout"));
    writeFileSync(join(host.appDir, ".rollout/token"), "garbage\n");
    await rejects(runHostCommand(host, ["true"], writer(6)), /expected a number in .*token on host-a/);
  });

  it("lets one script at a time change a host", async () => {
    const host = makeHost();
    const log = join(host.folder, "log");
    const argv = ["sh", "-c", `echo begin >>${log}; sleep 0.2; echo end >>${log}`];
    await Promise.all([1, 2, 3].map(() => runHostCommand(host, argv, writer())));
    equal(readFileSync(log, "utf8"), "begin\nend\n".repeat(3));
  });

  it("refuses a host with a connection by name", async () => {
    const host = { ...makeHost(), connection: { host: "x" } };
    await rejects(
      runHostCommand(host, ["true"], writer()),
      /expected host-a to be this machine, got a connection/,
    );
  });
});

describe("the scripts for hosts", () => {
  it("are clean POSIX sh", function () {
    const names = readdirSync(SCRIPTS).map((name) => join(SCRIPTS, name));
    try {
      execFileSync("shellcheck", ["--version"], { stdio: "ignore" });
    } catch {
      console.warn("      skipped: shellcheck is not installed (apt-get install shellcheck)");
      this.skip();
    }
    execFileSync("shellcheck", ["-s", "sh", ...names], { encoding: "utf8", stdio: "pipe" });
  });
});
