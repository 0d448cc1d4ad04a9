import { execFileSync } from "node:child_process";
import type { Closing } from "../../cli/closing/closing.ts";
import type { Host } from "../../config/target.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { Chain } from "../../ledger/chain.ts";
import { entryKey, evidenceOf, foldEntries } from "../../ledger/entries.ts";
import type { PhaseSteps } from "../../ledger/progress.ts";
import { connect } from "../../postgres/connect.ts";
import { findStep } from "../../steps/registry.ts";
import { applyStep, type RunContext, undoStep } from "../../steps/run-step.ts";
import type { BaseSpec } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { adoptRelease, makeHost, makeRepository, specHost } from "../hosts/host-fixture.ts";
import { RolloutTarget } from "../steps/rollout-target.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** A step of the shortened rollout: what changes the target, and a guard where nothing does. */
interface Planned {
  phase: string;
  step: string;
  kind: string;
  fields: object;
}

const STACK = "test";
const BASELINE = "b".repeat(40);

/** A database, two hosts and the evidence of one stack, and the steps of every phase that leave something there. */
export class ClosingStage {
  readonly folder = temporaryFolder("evidence");
  readonly hosts = [makeHost("host-a"), makeHost("host-b")];
  readonly printed: string[] = [];
  readonly logged: string[] = [];
  readonly repository = makeRepository({ "app.txt": "one\n" }, { "app.txt": "two\n" });
  readonly target: RolloutTarget;
  confirm: () => Promise<void> = async () => {};
  differences: string[] = [];

  private constructor(target: RolloutTarget) {
    this.target = target;
    for (const host of this.hosts) adoptRelease(host, BASELINE);
  }

  static async make(): Promise<ClosingStage> {
    return new ClosingStage(await RolloutTarget.make({ rows: 24 }));
  }

  /** What a spec and the configuration say of the hosts. */
  get specHosts(): Host[] {
    return this.hosts.map(specHost);
  }

  get plan(): Planned[] {
    const { change, migration } = this.target.spec();
    const [feature = "", permanent = ""] = this.repository.shas;
    const table = { change, migration };
    const hosts = this.specHosts;
    const release = (sha: string) => ({ hosts, repository: this.repository.url, sha, keep: 3 });
    const guard = (phase: string) => ({ phase, step: "guard", kind: "guard", fields: {} });
    const step = (phase: string, kind: string, fields: object) => ({ phase, step: kind, kind, fields });
    return [
      guard("pre-flight"),
      step("database-migration", "expand", table),
      step("database-migration", "migration", table),
      step("database-migration", "constraint", table),
      step("code-deployment", "release", release(feature)),
      step("code-deployment", "release-switch", { hosts, from: BASELINE, to: feature }),
      guard("interface-rollout"),
      step("validation", "release", release(permanent)),
      step("validation", "release-switch", { hosts, from: feature, to: permanent }),
      step("validation", "contract", { ...table, quietSeconds: 0 }),
    ];
  }

  get phases(): PhaseSteps {
    const names = [...new Set(this.plan.map(({ phase }) => phase))];
    return names.map((phase) => ({
      phase,
      steps: this.plan.filter((planned) => planned.phase === phase).map(({ step }) => step),
      followFlag: [],
    }));
  }

  chain = () => Chain.open(this.folder);
  entries = () => foldEntries(this.chain().records);

  spec({ phase, step, fields }: Planned): BaseSpec {
    const identity = { stack: STACK, phase, step, evidenceUrl: `file:${this.folder}` };
    const generation = this.entries().get(entryKey({ phase, step }))?.generation ?? 1;
    return { specVersion: 1, identity, generation, deadlineSeconds: 60, ...fields };
  }

  async #with<T>(work: (context: RunContext) => Promise<T>): Promise<T> {
    const chain = this.chain();
    const target = new TargetGuard(STACK, () => connect(this.target.url));
    const log = (line: string) => void this.logged.push(line);
    const deps = this.target.deps({ shell: localShell, evidence: evidenceOf(chain.records), log });
    try {
      return await work({ chain, deps, target, findStep });
    } finally {
      await target.close();
    }
  }

  /** The rollout, up to and including the named phase. */
  async forward(last = "validation"): Promise<void> {
    const steps = this.plan.slice(0, this.plan.findLastIndex(({ phase }) => phase === last) + 1);
    for (const planned of steps) await this.apply(planned);
  }

  async apply(planned: Planned): Promise<object> {
    const step = await findStep(planned.kind);
    return this.#with((context) => applyStep(step, step.spec.parse(this.spec(planned)), context));
  }

  /** Records that the audit's timer was installed on a machine, after it had been on another. */
  scheduleAudit(): void {
    const chain = this.chain();
    const name = { phase: "validation", step: "scheduled-audit", kind: "scheduled-audit" };
    const fields = { ...name, verb: "apply" as const };
    const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
    const { number } = chain.append({ record: "begin", ...fields, ...begin }, new Date());
    const installed = [{ place: "/etc/systemd/system/audit.timer", sha256: "" }];
    const dueAt = "2026-12-28T00:00:00.000Z";
    const timer = (machine: string) => ({ how: "systemd-system", machine, dueAt, installed });
    const result = { ...timer("bastion"), left: [timer("laptop")] };
    chain.append({ record: "end", ...fields, begin: number, outcome: "done", result }, new Date());
  }

  /** As Pulumi deletes: each step, newest first. @returns what each undo says. */
  async destroy(): Promise<string[]> {
    const said: string[] = [];
    for (const planned of this.plan.toReversed()) said.push(await this.undo(planned));
    return said;
  }

  /** @returns what the undo says. */
  async undo(planned: Planned): Promise<string> {
    return (await this.#with((context) => undoStep(this.spec(planned), context))).summary;
  }

  closing(changed: Partial<Closing["config"]> = {}): Closing {
    return {
      config: {
        ...{ stack: STACK, databaseUrl: this.target.url, hosts: this.specHosts },
        migration: this.target.spec().migration,
        evidence: { url: `file:${this.folder}` },
        backup: { url: `file:${temporaryFolder("backups")}`, method: "logical", jobs: 1 },
        ...changed,
      },
      phases: this.phases,
      shell: localShell,
      signal: this.target.abort.signal,
      print: (lines) => void this.printed.push(...lines),
      log: (line) => void this.logged.push(line),
      confirm: () => this.confirm(),
      findDifferences: async () => this.differences,
    };
  }

  /** Everything on the hosts: names, kinds, modes, contents and targets of links. */
  listHosts(): string {
    const script = `find app diligence.env | LC_ALL=C sort | while read -r f; do
      if [ -L "$f" ]; then echo "$f -> $(readlink "$f")"; elif [ -f "$f" ]; then echo "$f $(stat -c '%a %U' "$f") $(sha256sum <"$f")"; else echo "$f/ $(stat -c '%a %U' "$f")"; fi; done`;
    return this.hosts
      .map(({ folder }) => execFileSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" }))
      .join("--\n");
  }

  dispose = () => this.target.dispose();
}
