import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { localShell } from "../../hosts/local-shell.ts";
import type { Entry } from "../../ledger/entries.ts";
import { createFlagAbsence } from "../../steps/flag-absence.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, makeDeps } from "./preflight-deps.ts";

const flagAbsence = createFlagAbsence({ waitSeconds: 0 });

/** A host restarted at nine with these lines in its log. */
function hostWith(...lines: string[]) {
  const appDir = temporaryFolder("logs");
  mkdirSync(join(appDir, "log"));
  writeFileSync(join(appDir, "log/app.log"), lines.map((line) => `${line}\n`).join(""));
  const services = [{ unit: "web", kind: "web" as const, processes: 1 }];
  return { name: "web-1", appDir, envFile: join(appDir, "env"), services };
}

function trial(
  host: ReturnType<typeof hostWith>,
  { restarted = true, done = false, logs = ["{appDir}/log/app.log"] } = {},
) {
  const own = { hosts: [host], logs, flagVariable: "FLAG", release: "f".repeat(40) };
  const spec = flagAbsence.spec.parse({ ...baseSpec("flag-absence"), ...own });
  const processes = [{ startedAt: "2026-03-02T09:00:00Z" }];
  const hosts = restarted ? [{ host: "web-1", state: "proven", processes }] : [];
  const closing = {
    phase: "pre-flight",
    kind: "service-restart",
    state: "done",
    spec: { when: "closing" },
    result: { release: own.release, flag: null, hosts },
  };
  const entries = new Map([["pre-flight/closing-restart", closing as unknown as Entry]]);
  if (done) entries.set("pre-flight/flag-absence", { state: "done" } as Entry);
  return [
    spec,
    makeDeps("", { shell: localShell, evidence: { entries: () => entries, records: () => [] } }),
  ] as const;
}

describe("flag absence", () => {
  it("is proven where no line since the restart names the flag", async () => {
    const host = hostWith(
      "2026-03-02T08:59:59Z INFO FLAG is true",
      "2026-03-02T09:00:01Z INFO deal analysed",
    );
    const { hosts } = await flagAbsence.apply(...trial(host));
    assert.deepEqual(hosts, [{ host: "web-1", since: "2026-03-02T09:00:00Z", lines: 1, mentions: 0 }]);
  });

  it("is refused with the number of lines that name it, and with a log that is not there", async () => {
    const named = hostWith(
      "2026-03-02T09:00:01Z WARN FLAG is deprecated",
      "2026-03-02T09:00:02Z WARN FLAG again",
    );
    await assert.rejects(
      flagAbsence.apply(...trial(named)),
      /got:\n {2}- web-1: 2 lines that name FLAG\nRemove what logs it/,
    );
    const away = trial(hostWith(), { logs: ["{appDir}/log/other.log"] });
    await assert.rejects(flagAbsence.apply(...away), /- web-1: .*other\.log is not there/);
  });

  it("is not proven where a host wrote nothing since the restart, and says which and what to do", async () => {
    const silent = hostWith(
      "2026-03-02T08:59:59Z ERROR before the restart, with its trace:",
      "  at analyse (deal.ts:7)",
    );
    await assert.rejects(
      flagAbsence.apply(...trial(silent)),
      /got:\n {2}- web-1: unproven, no line since 2026-03-02T09:00:00Z whose time is understood: make a request/,
    );
    writeFileSync(join(silent.appDir, "log/app.log"), "2026-03-02T09:00:05Z INFO deal analysed\n");
    assert.equal((await flagAbsence.apply(...trial(silent))).hosts[0]?.lines, 1);
  });

  it("waits for the first line of a host whose logs come late", async () => {
    const host = hostWith();
    const proven = createFlagAbsence({ waitSeconds: 60 }).apply(...trial(host));
    writeFileSync(join(host.appDir, "log/app.log"), "2026-03-02T09:00:05Z INFO deal analysed\n");
    assert.equal((await proven).hosts[0]?.lines, 1);
  });

  it("asks for logs before anything runs, and for a restart in the evidence", async () => {
    // Done before or not: without logs it would find no line that names the flag, and prove nothing.
    for (const done of [false, true]) {
      const [spec, deps] = trial(hostWith(), { logs: [], done });
      assert.match(
        (await flagAbsence.observe(spec, deps)).blockers.join(),
        /expected logs to search, got none/,
      );
    }
    await assert.rejects(
      flagAbsence.apply(...trial(hostWith(), { restarted: false })),
      /expected a restart of web-1/,
    );
  });
});
