import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SmtpSection } from "../../config/mail.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { type NoticeResult, type NoticeSpec, notice } from "../../steps/notice.ts";
import { applyStep, type RunContext, undoStep } from "../../steps/run-step.ts";
import type { BaseSpec } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { CANARY } from "./announcement-fixture.ts";
import { baseSpec, change, makeDeps, type TestDeps } from "./preflight-deps.ts";

const NOW = new Date("2026-11-24T01:58:00Z");

/** A rollout's ledger and outbox, on a real database of 1,000 deals. */
export class Announcer {
  readonly chain = Chain.open(join(temporaryFolder(), "evidence"));
  readonly outbox = join(temporaryFolder(), "reports/test/outbox");
  readonly deps: TestDeps;
  readonly context: RunContext;
  smtp: SmtpSection | undefined;

  constructor(url: string, to: readonly string[], smtp?: SmtpSection) {
    this.smtp = smtp;
    this.deps = makeDeps(url, {
      now: () => NOW,
      evidence: evidenceOf(this.chain.records),
      mail: { password: CANARY, addresses: { notice: [...to], announcement: [] } },
    });
    const target = new TargetGuard("test", undefined);
    this.context = { chain: this.chain, deps: this.deps, target, findStep: async () => notice };
  }

  spec(changed: Partial<NoticeSpec["notice"]> = {}, rest: Partial<NoticeSpec> = {}): NoticeSpec {
    const base = baseSpec("notice");
    return {
      ...{
        ...base,
        identity: { ...base.identity, phase: "database-migration", evidenceUrl: `file:${this.chain.folder}` },
      },
      ...{ change, timeZone: "Europe/Berlin", outbox: this.outbox },
      ...(this.smtp ? { smtp: this.smtp } : {}),
      notice: {
        ...{ application: "IT DD Agent", team: "IT DD Team", from: "rollout@example.com" },
        ...{ template: "templates/maintenance-notice.txt", ...changed },
      },
      ...rest,
    };
  }

  announce = async (spec: BaseSpec = this.spec(), context = this.context) =>
    (await applyStep(notice, spec, context)) as NoticeResult;
  look = () => notice.observe(this.spec(), this.deps);
  undo = () => undoStep(this.spec(), this.context);
  sent = () => (existsSync(this.outbox) ? readdirSync(this.outbox).sort() : []);
  raw = (name: string) => readFileSync(join(this.outbox, name), "utf8");
  /** As a mail program shows it: lines broken for the wire joined again. */
  text = (name: string) => this.raw(name).replaceAll("=\r\n", "");
}
