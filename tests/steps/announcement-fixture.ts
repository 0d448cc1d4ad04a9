import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SmtpSection } from "../../config/mail.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { type AnnouncementResult, type AnnouncementSpec, announcement } from "../../steps/announcement.ts";
import { applyStep, type RunContext, undoStep } from "../../steps/run-step.ts";
import type { BaseSpec } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, makeDeps, type TestDeps } from "./preflight-deps.ts";

const NOW = new Date("2026-11-24T09:30:00Z");
export const READERS = ["ruth@example.com", "bob@example.com", "cy@example.com"];
export const CANARY = "canary-smtp-7d1f";

/** A file of its own with this content. */
export function fileWith(content: string, name = "file.md"): string {
  const path = join(temporaryFolder("mail"), name);
  writeFileSync(path, content);
  return path;
}

/** A rollout's evidence and outbox, and the announcement of its phase 3. */
export class AnnouncementTarget {
  readonly chain = Chain.open(join(temporaryFolder("mail"), "evidence"));
  readonly outbox = join(temporaryFolder("mail"), "outbox");
  readonly deps: TestDeps;
  readonly context: RunContext;
  smtp: SmtpSection | undefined;

  constructor(smtp?: SmtpSection, addresses: readonly string[] = READERS, databaseUrl = "") {
    this.smtp = smtp;
    this.deps = makeDeps(databaseUrl, {
      now: () => NOW,
      evidence: evidenceOf(this.chain.records),
      mail: { password: CANARY, addresses: { notice: [], announcement: [...addresses] } },
    });
    const target = new TargetGuard("test", undefined);
    this.context = { chain: this.chain, deps: this.deps, target, findStep: async () => announcement };
  }

  spec(
    changed: Partial<AnnouncementSpec["announcement"]> = {},
    rest: Partial<AnnouncementSpec> = {},
  ): AnnouncementSpec {
    const base = baseSpec("announcement");
    const identity = {
      ...base.identity,
      phase: "interface-rollout",
      evidenceUrl: `file:${this.chain.folder}`,
    };
    return {
      ...{ ...base, identity, outbox: this.outbox, recipients: { limit: 100 } },
      ...(this.smtp ? { smtp: this.smtp } : {}),
      ...{ appUrl: "https://deals.example.com", types: ["acquisition", "carveout"] },
      announcement: {
        ...{ application: "IT DD Agent", team: "IT DD Team", from: "rollout@example.com" },
        ...{ template: "templates/announcement.md", ...changed },
      },
      ...rest,
    };
  }

  announce = async (spec: BaseSpec = this.spec()) =>
    (await applyStep(announcement, spec, this.context)) as AnnouncementResult;
  look = (spec = this.spec()) => announcement.observe(spec, this.deps);
  undo = (spec: BaseSpec = this.spec()) => undoStep(spec, this.context);

  /** What the undo kept, as the evidence has it. */
  kept(): { subject: string; reason: string }[] {
    const last = this.chain.records.at(-1) as { result?: { kept?: { subject: string; reason: string }[] } };
    return last.result?.kept ?? [];
  }

  written = () => (existsSync(this.outbox) ? readdirSync(this.outbox).sort() : []);
  raw = (name: string) => readFileSync(join(this.outbox, name), "utf8");
  /** Everything but the journal of addresses: records, artifacts, progress lines. */
  visible(): string {
    const folder = join(this.deps.folder, "artifacts");
    const files = existsSync(folder)
      ? readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"))
      : [];
    return [JSON.stringify(this.chain.records), ...files, ...this.deps.lines].join("\n");
  }
}
