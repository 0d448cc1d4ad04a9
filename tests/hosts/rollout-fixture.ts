import { spawn } from "node:child_process";
import { once, setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { StepError } from "../../errors/step-error.ts";
import type { HostShell } from "../../hosts/host-shell.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { Chain } from "../../ledger/chain.ts";
import { entryKey, evidenceOf, foldEntries } from "../../ledger/entries.ts";
import { hashOf } from "../../ledger/record.ts";
import { findStep } from "../../steps/registry.ts";
import { applyStep, type RunContext, undoStep } from "../../steps/run-step.ts";
import type { BaseSpec, Observation, StepDeps } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const MAIN = fileURLToPath(new URL("../../steps/main.ts", import.meta.url));

/** A step of the rollout: its kind, its fields, and its name and phase where they are not the usual ones. */
export interface Declared {
  kind: string;
  fields: object;
  name?: string;
  phase?: string;
}

/** Runs steps on hosts as `steps/main.ts` does, with evidence, and with no database at all. */
export class HostRollout {
  readonly folder = temporaryFolder("evidence");
  chain = Chain.open(this.folder);
  readonly logged: string[] = [];
  controller = new AbortController();
  shell: HostShell = localShell;

  deps(): StepDeps {
    const noDatabase = () => {
      throw new Error("no database: these steps must not need one");
    };
    setMaxListeners(0, this.controller.signal);
    return {
      log: (line) => void this.logged.push(line),
      now: () => new Date(),
      signal: this.controller.signal,
      connect: noDatabase,
      databaseUrl: noDatabase,
      saveArtifact: async (name) => name,
      evidence: evidenceOf(this.chain.records),
      shell: this.shell,
    };
  }

  spec({ kind, fields, name = kind, phase = "code-deployment" }: Declared): BaseSpec {
    const identity = { stack: "s", phase, step: name, evidenceUrl: `file:${this.folder}` };
    const entry = this.entry({ kind, fields, name, phase });
    const spec = { specVersion: 1 as const, identity, generation: 1, deadlineSeconds: 60, ...fields };
    // As a run decides it: what is not the same gets a generation that was never used.
    if (!entry || "generation" in fields) return spec;
    const { generation: _, ...was } = entry.spec;
    const { generation: __, ...is } = spec;
    const same = hashOf(was) === hashOf(is);
    return { ...spec, generation: entry.generation + (same ? 0 : 1) };
  }

  entry({ kind, name = kind, phase = "code-deployment" }: Declared) {
    return foldEntries(this.chain.records).get(entryKey({ phase, step: name }));
  }

  #context(): RunContext {
    return { chain: this.chain, deps: this.deps(), target: new TargetGuard("s", undefined), findStep };
  }

  async observe(declared: Declared): Promise<Observation> {
    const step = await findStep(declared.kind);
    return step.observe(step.spec.parse(this.spec(declared)), this.deps());
  }

  async apply(declared: Declared): Promise<Record<string, unknown>> {
    const step = await findStep(declared.kind);
    const spec = step.spec.parse(this.spec(declared));
    return (await applyStep(step, spec, this.#context())) as Record<string, unknown>;
  }

  /**
   * Applies a step in a process of its own, as its Command does, and kills that with SIGKILL as soon as `when` holds.
   * What it has recorded until then is what the steps that follow know.
   */
  async applyAndKill(declared: Declared, when: () => boolean): Promise<void> {
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, declared.kind, "apply"], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    child.stdin?.end(JSON.stringify(this.spec(declared)));
    while (!when()) {
      if (child.exitCode !== null) throw new Error(`ended by itself, with exit code ${child.exitCode}`);
      await sleep(5);
    }
    child.kill("SIGKILL");
    if (child.signalCode === null && child.exitCode === null) await once(child, "exit");
    this.chain = Chain.open(this.folder);
  }

  /**
   * Does some work that dies just after its n-th script: between two scripts a host does not change, so every state that
   * a crash can leave on it is one of these. @returns false when it ended before.
   */
  async dyingAfter(count: number, work: () => Promise<unknown>): Promise<boolean> {
    let seen = 0;
    const died = () => seen >= count;
    const run: HostShell["run"] = async (...call) => {
      if (died()) throw new StepError("died");
      const answer = await localShell.run(...call);
      seen += 1;
      if (died()) throw new StepError("died");
      return answer;
    };
    this.shell = { run };
    try {
      await work();
    } catch (error) {
      if (!died()) throw error;
    } finally {
      this.shell = localShell;
    }
    return died();
  }

  /** Records an apply with just this spec, which today's schema need not know, and this result; nothing is done. */
  recordDone(declared: Declared, result: Record<string, unknown>): void {
    const spec = { ...this.spec(declared) };
    const { phase, step } = spec.identity;
    const fields = { phase, step, kind: declared.kind, verb: "apply" as const };
    const begin = { digest: hashOf(spec), generation: spec.generation, spec, will: [] };
    const { number } = this.chain.append({ record: "begin", ...fields, ...begin });
    this.chain.append({ record: "end", ...fields, begin: number, outcome: "done", result });
  }

  /** Records that it was undone; nothing is done. */
  recordUndone(declared: Declared): void {
    const spec = { ...this.spec(declared) };
    const { phase, step } = spec.identity;
    const fields = { phase, step, kind: declared.kind, verb: "undo" as const };
    const begin = { digest: hashOf(spec), generation: spec.generation, spec, will: [] };
    const { number } = this.chain.append({ record: "begin", ...fields, ...begin });
    this.chain.append({ record: "end", ...fields, begin: number, outcome: "done" });
  }

  /** Undoes a step by what the evidence says of it, whose spec need not be one of today's. */
  undoEntry(declared: Declared) {
    return undoStep(this.spec(declared), this.#context());
  }

  async undo(declared: Declared) {
    const step = await findStep(declared.kind);
    return undoStep(step.spec.parse(this.spec(declared)), this.#context());
  }
}
