import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findOnPath } from "../../bin/programs.mjs";
import { AuditSection } from "../../config/audit.ts";
import { applyStep, undoStep } from "../../steps/run-step.ts";
import {
  createScheduledAudit,
  type ScheduledAuditResult,
  type ScheduledAuditSpec,
} from "../../steps/scheduled-audit.ts";
import type { Step } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { RolledOut } from "../archive/rolled-out.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const UNIT = "deal-type-rollout-audit-test";

/** Keeps which timers are enabled, as systemctl does: with links in a folder. */
const SYSTEMCTL = `#!/bin/sh
[ "$1" = --user ] && shift
echo "$@" >> "$STAND_IN/calls"
case "$1" in
  enable) [ -f "$STAND_IN/units/$3" ] || { echo "Unit $3 does not exist" >&2; exit 1; }; : > "$STAND_IN/enabled-$3" ;;
  disable) rm -f "$STAND_IN/enabled-$3" ;;
  is-enabled) if [ -e "$STAND_IN/enabled-$2" ]; then echo enabled; else echo disabled; exit 1; fi ;;
esac
`;
const CRONTAB = `#!/bin/sh
if [ "$1" = -l ]; then cat "$STAND_IN/tab" 2>/dev/null || { echo "no crontab for root" >&2; exit 1; }
else cp "$1" "$STAND_IN/tab"; fi
`;

/** A machine of its own: its unit folder, and stand-ins for its programs. */
class Machine {
  readonly root = temporaryFolder("machine");
  readonly stack = new RolledOut();
  readonly places = {
    ...{ host: "bastion", booted: join(this.root, "booted"), isRoot: true },
    ...{ systemUnits: join(this.root, "units"), userUnits: join(this.root, "units") },
    node: join(this.root, "node"),
  };
  step: Step = createScheduledAudit(this.places);

  constructor(...programs: ("systemctl" | "crontab")[]) {
    const bin = join(this.root, "bin");
    mkdirSync(bin);
    if (programs.includes("systemctl")) mkdirSync(this.places.booted);
    for (const name of programs) {
      const text = name === "systemctl" ? SYSTEMCTL : CRONTAB;
      // The step hands no variables of ours on: the stand-in knows its folder by itself.
      writeFileSync(join(bin, name), text.replace("#!/bin/sh\n", `#!/bin/sh\nSTAND_IN='${this.root}'\n`));
      chmodSync(join(bin, name), 0o755);
    }
    this.audit("exit 0");
    process.env.PATH = [bin, "/usr/bin", "/bin"].join(delimiter).replace(/^/, "");
    if (!programs.includes("crontab"))
      assert.equal(findOnPath("crontab"), undefined, "this machine has cron");
  }

  /** What the audit's command does when it is tried. */
  audit(script: string): void {
    writeFileSync(this.places.node, `#!/bin/sh\n${script}\n`);
    chmodSync(this.places.node, 0o755);
  }

  spec(changed: Partial<ScheduledAuditSpec> = {}): ScheduledAuditSpec {
    const { afterDays, at } = AuditSection.parse({});
    const schedule = { afterDays, at };
    const folder = join(this.root, "reports/audit");
    return {
      ...this.stack.spec("validation", "scheduled-audit"),
      schedule,
      place: "machine",
      folder,
      ...changed,
    };
  }

  get #context() {
    return {
      ...{ chain: this.stack.chain, deps: this.stack.deps(), target: new TargetGuard("test", undefined) },
      findStep: async () => this.step,
    };
  }

  apply = async (spec = this.spec()) =>
    (await applyStep(this.step, spec, this.#context)) as ScheduledAuditResult;
  undo = (spec = this.spec()) => undoStep(spec, this.#context);
  observe = (spec = this.spec()) => this.step.observe(spec, this.stack.deps());
  units = () => (existsSync(this.places.systemUnits) ? readdirSync(this.places.systemUnits).sort() : []);
  enabled = () => existsSync(join(this.root, `enabled-${UNIT}.timer`));
  crontab = () => readFileSync(join(this.root, "tab"), "utf8");
}

describe("scheduled audit", () => {
  const { PATH } = process.env;
  afterEach(() => {
    process.env.PATH = PATH;
  });

  it("is taken off the machine when it is only to be said from now on", async () => {
    const machine = new Machine("systemctl");
    await machine.apply();
    const { how, installed } = await machine.apply(machine.spec({ place: "say" }));
    assert.deepEqual([how, installed, machine.units(), machine.enabled()], ["said", [], [], false]);
  });

  it("is taken off by the undo where a run that was to say it only was killed before it did", async () => {
    const machine = new Machine("systemctl");
    await machine.apply();
    const { chain } = machine.stack;
    const said = machine.spec({ place: "say" });
    machine.stack.run("validation", "scheduled-audit", { spec: { ...said }, outcome: null });
    assert.equal(chain.records.at(-1)?.record, "begin");
    assert.match((await machine.undo()).summary, /^removed 2 parts of the audit's timer$/);
    assert.deepEqual([machine.units(), machine.enabled()], [[], false]);
  });

  it("installs and enables a timer for thirty days on, shows it in preview, and its undo leaves nothing", async () => {
    const machine = new Machine("systemctl");
    const { plan } = await machine.observe();
    assert.match(
      plan[0] ?? "",
      /^install a system timer of systemd on bastion, in .*: `rollout audit --stack test` on 2025-03-06 06:00 UTC$/,
    );
    assert.deepEqual(machine.units(), []);
    const result = await machine.apply();
    assert.deepEqual(
      [result.how, result.machine, result.dueAt],
      ["systemd-system", "bastion", "2025-03-06T06:00:00.000Z"],
    );
    assert.deepEqual(machine.units(), [`${UNIT}.service`, `${UNIT}.timer`]);
    assert.ok(machine.enabled());
    assert.deepEqual((await machine.observe()).drift, []);
    await machine.undo();
    assert.deepEqual([machine.units(), machine.enabled()], [[], false]);
  });

  describe("is tried in the environment that its timer will have", () => {
    const NEEDS =
      '[ -n "$PULUMI_ACCESS_TOKEN" ] || { echo "error: PULUMI_ACCESS_TOKEN must be set for login" >&2; exit 255; }';
    const withToken = async (work: () => Promise<void>) => {
      process.env.PULUMI_ACCESS_TOKEN = "pul-secret";
      try {
        await work();
      } finally {
        delete process.env.PULUMI_ACCESS_TOKEN;
      }
    };

    for (const program of ["systemctl", "crontab"] as const)
      it(`and refused with what it lacks of this shell, before anything is installed (${program})`, () =>
        withToken(async () => {
          const machine = new Machine(program);
          machine.audit(NEEDS);
          const [blocker = ""] = (await machine.observe()).blockers;
          assert.match(
            blocker,
            /environment that its timer will have \(PATH, HOME and no audit\.environmentFile\), got: error: PULUMI_ACCESS_TOKEN must be set for login/,
          );
          assert.equal(
            /set here and not there: .*PULUMI_ACCESS_TOKEN/.test(blocker),
            program === "systemctl",
          );
          assert.doesNotMatch(blocker, /pul-secret/);
          await assert.rejects(machine.apply(), /PULUMI_ACCESS_TOKEN must be set/);
          assert.deepEqual([machine.units(), existsSync(join(machine.root, "tab"))], [[], false]);
        }));

    for (const program of ["systemctl", "crontab"] as const)
      it(`and installed where audit.environmentFile gives it (${program})`, async () => {
        const machine = new Machine(program);
        machine.audit(
          `${NEEDS}\n[ -n "$HOME" ] && [ "$PWD" = '${process.cwd()}' ] || exit 9\necho "$@" >'${machine.root}/tried'`,
        );
        const environmentFile = join(machine.root, "audit.env");
        writeFileSync(environmentFile, "# for the audit\nPULUMI_ACCESS_TOKEN=t1\n");
        const spec = machine.spec({ schedule: { ...machine.spec().schedule, environmentFile } });
        assert.deepEqual((await machine.observe(spec)).blockers, []);
        assert.match(
          readFileSync(join(machine.root, "tried"), "utf8"),
          /rollout\.mjs audit --stack test --check\n$/,
        );
        assert.equal((await machine.apply(spec)).how, program === "crontab" ? "cron" : "systemd-system");
      });

    it("where the file is missing, or exports what systemd does not read", async () => {
      const machine = new Machine("systemctl");
      machine.audit(NEEDS);
      const environmentFile = join(machine.root, "audit.env");
      const spec = machine.spec({ schedule: { ...machine.spec().schedule, environmentFile } });
      assert.match(
        (await machine.observe(spec)).blockers[0] ?? "",
        /audit\.env could not be read \(ENOENT\)/,
      );
      writeFileSync(environmentFile, "export PULUMI_ACCESS_TOKEN=t1\n");
      assert.match((await machine.observe(spec)).blockers[0] ?? "", /PULUMI_ACCESS_TOKEN must be set/);
    });

    it("as systemd reads the file: what stands behind a value is a part of it", async () => {
      const machine = new Machine("systemctl");
      machine.audit('[ "$TOKEN" = t1 ] || { echo "error: token $TOKEN" >&2; exit 1; }');
      const environmentFile = join(machine.root, "audit.env");
      const spec = machine.spec({ schedule: { ...machine.spec().schedule, environmentFile } });
      writeFileSync(environmentFile, "TOKEN=t1 # of the audit\n");
      assert.match((await machine.observe(spec)).blockers[0] ?? "", /got: error: token t1 # of the audit/);
      writeFileSync(environmentFile, "# of the audit\nTOKEN='t1'\n");
      assert.deepEqual((await machine.observe(spec)).blockers, []);
    });
  });

  it("repairs a timer that was edited, disabled or removed", async () => {
    const machine = new Machine("systemctl");
    await machine.apply();
    const timer = join(machine.places.systemUnits, `${UNIT}.timer`);
    const harms: [() => void, RegExp][] = [
      [() => writeFileSync(timer, "[Timer]\n"), /^another$/],
      [() => rmSync(timer), /^none$/],
      [() => rmSync(join(machine.root, `enabled-${UNIT}.timer`)), /^not enabled$/],
    ];
    for (const [at, [harm, observed]] of harms.entries()) {
      harm();
      const [drift] = (await machine.observe()).drift;
      assert.match(drift?.observed ?? "", observed);
      await machine.apply(machine.spec({ generation: at + 2 }));
      assert.deepEqual((await machine.observe()).drift, []);
    }
  });

  it("keeps the day when it is repaired later", async () => {
    const machine = new Machine("systemctl");
    const { dueAt } = await machine.apply();
    machine.stack.now = new Date("2025-02-20T00:00:00Z");
    rmSync(join(machine.places.systemUnits, `${UNIT}.timer`));
    assert.equal((await machine.apply(machine.spec({ generation: 2 }))).dueAt, dueAt);
  });

  it("undone after a run that was killed half-way, it removes what that run left", async () => {
    const machine = new Machine("systemctl");
    await machine.apply();
    rmSync(join(machine.root, `enabled-${UNIT}.timer`));
    rmSync(join(machine.places.systemUnits, `${UNIT}.service`));
    machine.stack.run("validation", "scheduled-audit", {
      outcome: null,
      spec: machine.spec(),
      generation: 1,
    });
    await machine.undo();
    assert.deepEqual(machine.units(), []);
  });

  it("leaves the timer of another checkout alone, and refuses to install beside it", async () => {
    const machine = new Machine("systemctl");
    mkdirSync(machine.places.systemUnits);
    const service = join(machine.places.systemUnits, `${UNIT}.service`);
    writeFileSync(service, "[Service]\nWorkingDirectory=/srv/other\n");
    const { blockers } = await machine.observe();
    assert.match(
      blockers[0] ?? "",
      /got one of \/srv\/other\. Remove it there, or set audit\.install to false\.$/,
    );
    await assert.rejects(machine.apply(), /\/srv\/other/);
    machine.stack.run("validation", "scheduled-audit", { outcome: null, spec: machine.spec() });
    await machine.undo();
    assert.ok(existsSync(service));
  });

  it("does not keep anyone from going back: what cannot be taken off is left, with the reason and where it lies", async () => {
    const machine = new Machine("systemctl");
    await machine.apply();
    const systemctl = join(machine.root, "bin/systemctl");
    writeFileSync(systemctl, "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n");
    const { summary, kept } = await machine.undo();
    assert.equal(summary, "left the timer on bastion");
    assert.match(
      kept[0]?.reason ?? "",
      /Failed to connect to bus.* Remove it by hand there: .*audit-test\.service /,
    );
  });

  it("does not call a timer removed that it cannot see any more", async () => {
    const machine = new Machine("systemctl", "crontab");
    await machine.apply();
    rmSync(machine.places.booted, { recursive: true });
    rmSync(join(machine.root, "bin/systemctl"));
    const { summary, kept } = await machine.undo();
    assert.equal(summary, "left the timer on bastion");
    assert.match(kept[0]?.reason ?? "", /systemctl[\s\S]* Remove it by hand there: .*audit-test\.service /);
    assert.equal(machine.units().length, 2);
  });

  it("names the machine that it was on before, and how to take it off there: in preview, in the result and on the way back", async () => {
    const machine = new Machine("systemctl");
    await machine.apply();
    const other = { ...machine.places, host: "bastion-2", systemUnits: join(machine.root, "units-2") };
    machine.step = createScheduledAudit(other);
    const there = /bastion\b.*: sudo systemctl disable --now \S+audit-test\.timer; sudo rm -f \S+\/units\//;
    // What is done is left alone, whoever looks.
    assert.deepEqual((await machine.observe()).plan, []);
    const later = machine.spec({ schedule: { afterDays: 31, at: "06:00", environmentFile: undefined } });
    const { plan, undo } = await machine.observe(later);
    assert.match(plan[0] ?? "", /^install a system timer of systemd on bastion-2/);
    assert.match(plan[1] ?? "", there);
    assert.match(undo[0] ?? "", there);
    const { machine: now, left } = await machine.apply(later);
    assert.deepEqual([now, left?.map(({ machine }) => machine)], ["bastion-2", ["bastion"]]);
    const { summary, kept } = await machine.undo(later);
    assert.equal(summary, "removed 2 parts of the audit's timer");
    assert.match(`${kept[0]?.subject}: ${kept[0]?.reason}`, there);
  });

  it("forgets a machine that it is on again", async () => {
    const machine = new Machine("systemctl");
    const on = (host: string, generation: number) => {
      machine.step = createScheduledAudit({ ...machine.places, host });
      return machine.apply(machine.spec({ generation }));
    };
    await on("bastion", 1);
    await on("bastion-2", 2);
    const { left } = await on("bastion", 3);
    assert.deepEqual(
      left?.map(({ machine }) => machine),
      ["bastion-2"],
    );
  });

  it("adds a line to the crontab where there is no systemd, and takes just that line out again", async () => {
    const machine = new Machine("crontab");
    writeFileSync(join(machine.root, "tab"), "0 1 * * * backup\n");
    const result = await machine.apply();
    assert.equal(result.how, "cron");
    assert.match(
      machine.crontab(),
      /^0 1 \* \* \* backup\n\d+ \d+ \d+ 3 \* \[ .* --stack test; \} # deal-type-rollout audit of test in /,
    );
    await machine.apply(machine.spec({ generation: 2 }));
    assert.equal(machine.crontab().split("\n").length, 3);
    assert.deepEqual((await machine.observe()).drift, []);
    await machine.undo();
    assert.equal(machine.crontab(), "0 1 * * * backup\n");
  });

  for (const [why, spec, programs] of [
    ["neither is there", {}, []],
    ["audit.install is false", { place: "say" }, ["systemctl"]],
  ] as const)
    it(`says exactly what to install when ${why}, and touches nothing`, async () => {
      const machine = new Machine(...programs);
      const { plan } = await machine.observe(machine.spec(spec));
      assert.match(plan[0] ?? "", /^install nothing \(.*\); say what to install by hand/);
      assert.ok(plan.includes("OnCalendar=2025-03-06 06:00:00 UTC"), plan.join("\n"));
      assert.equal((await machine.apply(machine.spec(spec))).how, "said");
      assert.deepEqual(machine.units(), []);
      const { kept } = await machine.undo(machine.spec(spec));
      assert.match(kept[0]?.reason ?? "", /by hand/);
    });

  it("in the sandbox writes the unit files to the reports and nothing else", async () => {
    const machine = new Machine("systemctl", "crontab");
    const spec = machine.spec({ place: "files" });
    const result = await machine.apply(spec);
    assert.equal(result.how, "files");
    assert.deepEqual(readdirSync(spec.folder).sort(), [`${UNIT}.service`, `${UNIT}.timer`]);
    assert.deepEqual([machine.units(), existsSync(join(machine.root, "calls"))], [[], false]);
    await machine.undo(spec);
    assert.deepEqual(readdirSync(spec.folder), []);
  });

  it("on another machine than the one it was installed on sees no drift, and its undo says where the timer stays", async () => {
    const machine = new Machine("systemctl");
    await machine.apply();
    machine.step = createScheduledAudit({ ...machine.places, host: "laptop" });
    assert.deepEqual((await machine.observe()).drift, []);
    const { kept } = await machine.undo();
    assert.match(kept[0]?.subject ?? "", /on bastion$/);
    assert.equal(machine.units().length, 2);
  });
});
