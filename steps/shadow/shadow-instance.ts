import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HealthFields } from "../../config/health-fields.ts";
import type { ShadowSection } from "../../config/shadow.ts";
import { StepError } from "../../errors/step-error.ts";
import { askService } from "../../hosts/health.ts";
import type { ProcessHealth } from "../../hosts/health-answer.ts";
import type { HostShell } from "../../hosts/host-shell.ts";
import { resolveRelease } from "../../hosts/process-proof.ts";
import { childEnvironment } from "../../processes/child-process.ts";
import { readTail } from "../../processes/file-tail.ts";
import { hideValues, inheritedVariables } from "../../processes/inherited-variables.ts";
import { type LongProgramEnd, runLongProgram } from "../../processes/long-program.ts";
import { lineEnd, lineStart } from "../../system/plain-line.ts";
import { ownFolders, scratchVariables } from "./shadow-scratch.ts";
import { hostVariables, type VariablesHost } from "./shadow-variables.ts";

const LOOK_MS = 100;
const OUTPUT_LIMIT = 64 * 1024 * 1024;
const SHOWN_BYTES = 1_000;
/** Values this short are no secrets, and hiding them would make a message unreadable. */
const HARMLESS = 5;

/** What an instance is started from. */
export interface InstanceTarget {
  shadow: ShadowSection;
  host: VariablesHost & {
    appDir: string;
    health?: { path: string; fields?: HealthFields | undefined } | undefined;
  };
  release: string;
  flagVariable: string;
  flag: boolean;
  /** Asks systemd how the host's own processes read their environment file. */
  shell: HostShell;
  /** Ends it, whatever it does. */
  signal: AbortSignal;
}

/** The new release on an address that nobody else knows. */
export interface ShadowInstance {
  url: string;
  /** Never resolves; rejects when it ends before it is stopped. */
  died: Promise<never>;
  stop(): Promise<void>;
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

type Places = Record<"release" | "port" | "flag" | "envFile" | "appDir" | "scratch", string>;

const fillIn = (text: string, places: Partial<Places>) =>
  text.replaceAll(/\{(\w+)\}/g, (whole, name: keyof Places) => places[name] ?? whole);

/** Folder that the instance runs in, and its program: what can be looked for before anything is started. */
export function instanceCommand({
  shadow,
  host,
  release,
}: Omit<InstanceTarget, "flag" | "signal" | "shell">) {
  const places = { release, envFile: host.envFile, appDir: host.appDir };
  return { cwd: resolve(fillIn(shadow.cwd, places)), program: fillIn(shadow.command[0] ?? "", places) };
}

/**
 * As the host's own processes get it, and the flag as this instance is to have it. Nothing else of ours, and places to
 * write of its own.
 */
export async function instanceEnvironment(
  target: Pick<InstanceTarget, "shadow" | "host" | "flagVariable" | "flag" | "shell" | "signal">,
  scratch: string,
): Promise<Record<string, string>> {
  const { shadow, host, flagVariable, flag } = target;
  const own = await hostVariables(host, flagVariable, target);
  const given = { ...own, ...inheritedVariables(shadow.inherit), [flagVariable]: String(flag) };
  const moved = await scratchVariables(shadow.scratchVariables, given, scratch);
  return { ...childEnvironment(), ...(await ownFolders(scratch)), ...given, ...moved };
}

/** The environment file holds secrets: what an instance prints of them is shown to nobody. */
function hideOwn(text: string, environment: Record<string, string>): string {
  const own = Object.keys(childEnvironment());
  const values = Object.entries(environment).filter(
    ([name, value]) => !own.includes(name) && value.length > HARMLESS,
  );
  return hideValues(
    text,
    values.map(([, value]) => value),
  );
}

const named = (flag: boolean) => `the new release with the flag ${flag ? "on" : "off"}`;

/** One running instance, with what is known of how it ends. */
class Running implements ShadowInstance {
  readonly url: string;
  readonly died: Promise<never>;
  readonly #ending = new AbortController();
  readonly #ended: Promise<LongProgramEnd>;
  readonly #scratch: string;

  constructor(target: InstanceTarget, scratch: string, port: number, environment: Record<string, string>) {
    const { shadow, host, release, flag } = target;
    this.url = `http://127.0.0.1:${port}`;
    this.#scratch = scratch;
    const places = { release, flag: String(flag), envFile: host.envFile, appDir: host.appDir, scratch };
    const argv = shadow.command.map((part) => fillIn(part, { ...places, port: String(port) }));
    this.#ended = runLongProgram(argv, {
      ...{ environment, cwd: instanceCommand(target).cwd, maxBytes: OUTPUT_LIMIT, timeoutMs: 2 ** 31 - 1 },
      signal: AbortSignal.any([target.signal, this.#ending.signal]),
      ...{
        stdoutFile: join(scratch, "stdout"),
        stderrFile: join(scratch, "stderr"),
        onProgress: () => undefined,
      },
    });
    this.died = this.#ended.then(async (end) => {
      target.signal.throwIfAborted();
      throw new StepError(
        `shadow-comparison: expected ${named(flag)} to go on running, got ${describeEnd(end)}${await this.said(environment)}. Mend shadow.command or the release.`,
      );
    });
    // Whoever waits for it hears of it; after a stop nobody does.
    this.died.catch(() => undefined);
  }

  /** The end of its output, in words. */
  async said(environment: Record<string, string>): Promise<string> {
    const tails = await Promise.all(
      // What stderr says stands last: a trace has its reason at its end.
      ["stdout", "stderr"].map((name) => readTail(join(this.#scratch, name), SHOWN_BYTES).catch(() => "")),
    );
    const text = lineEnd(hideOwn(tails.join(" "), environment), SHOWN_BYTES);
    return text === "" ? ", it printed nothing" : `; the end of its output: ${text}`;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#ended.catch(() => undefined);
    await rm(this.#scratch, { recursive: true, force: true });
  }
}

function describeEnd({ failure, endedBy, exitCode }: LongProgramEnd): string {
  return failure ?? (endedBy ? `ended by ${endedBy}` : `exit code ${exitCode}`);
}

/** What its address does not tell is left to the comparison. */
const saysSo = (said: ProcessHealth, { release, flag }: InstanceTarget) =>
  (said.release === undefined || resolveRelease(said.release, [release]) === release) &&
  (said.flag === undefined || said.flag === flag);

/** Waits until it says itself that it is the wanted release with the wanted flag. */
async function untilWell(
  instance: ShadowInstance,
  target: InstanceTarget,
  output: () => Promise<string>,
): Promise<void> {
  const { shadow, release, flag, flagVariable, signal } = target;
  const until = performance.now() + shadow.timeoutSeconds * 1000;
  const { path = "/health", fields } = target.host.health ?? {};
  const address = `${instance.url}${path}`;
  const asked = { health: address, processes: 1, ...(fields ? { healthFields: fields } : {}) };
  for (let last = "no answer"; performance.now() < until; await sleep(LOOK_MS, undefined, { signal })) {
    const { processes, unnamed, fault } = await askService(asked, signal);
    const said: ProcessHealth | undefined = processes[0] ?? unnamed[0];
    if (said && saysSo(said, target)) return;
    if (said) {
      throw new StepError(
        `shadow-comparison: expected ${named(flag)} to say release ${release}, flag ${flag}, got ${lineStart(said.release ?? "unknown", 60)}, flag ${said.flag}. ` +
          `Correct shadow.command and shadow.cwd, or mend how the release reads ${flagVariable}.`,
      );
    }
    last = fault ?? last;
    if (performance.now() + LOOK_MS >= until) {
      throw new StepError(
        `shadow-comparison: expected ${named(flag)} to answer at ${address} within ${shadow.timeoutSeconds} s, got ${last}${await output()}. ` +
          "Correct shadow.command, or raise shadow.timeoutSeconds.",
      );
    }
  }
}

/**
 * Starts the new release privately and waits until it is well. It ends with `stop`, with `signal` and with this
 * process, SIGKILL included. @throws {StepError} when it does not come up as what it should be.
 */
export async function startInstance(target: InstanceTarget): Promise<ShadowInstance> {
  const scratch = await mkdtemp(join(tmpdir(), "rollout-shadow-"));
  const environment = await instanceEnvironment(target, scratch).catch(async (error: unknown) => {
    await rm(scratch, { recursive: true, force: true });
    throw error;
  });
  const instance = new Running(target, scratch, await freePort(), environment);
  try {
    const said = () => instance.said(environment);
    await Promise.race([untilWell(instance, target, said), instance.died]);
    return instance;
  } catch (error) {
    await instance.stop();
    throw error;
  }
}
