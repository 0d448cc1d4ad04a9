import assert from "node:assert/strict";
import { appendFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type RegressionSpec, regression } from "../../steps/regression.ts";
import { makeDeps } from "./preflight-deps.ts";
import { databaseOf, deal, SnapshotEvidence } from "./regression-fixture.ts";

describe("regression refuses before it compares anything", () => {
  let url: string;
  before(async () => {
    url = await databaseOf(1);
  });

  const whole = () => SnapshotEvidence.of([deal(1, "1")], [deal(1, "1")]);
  const cases: [string, () => { evidence: SnapshotEvidence; spec?: RegressionSpec }, RegExp, boolean][] = [
    [
      "no section",
      () => ({ evidence: whole(), spec: { ...whole().spec(), regression: undefined } }),
      /expected regression in the stack config, got none/,
      true,
    ],
    [
      "a type without rules",
      () => ({ evidence: whole(), spec: whole().spec({ rules: { acquisition: "identical" } }) }),
      /got none for carveout\. Add regression\.rules\.carveout/,
      true,
    ],
    [
      "no earlier snapshot",
      () => {
        const evidence = new SnapshotEvidence();
        evidence.keep("validation", "post-snapshot", []);
        return { evidence };
      },
      /expected a snapshot by pre-flight\/output-snapshot, got never run/,
      true,
    ],
    [
      "an earlier snapshot of another stack",
      () => {
        const evidence = new SnapshotEvidence();
        evidence.keep("pre-flight", "output-snapshot", [], { stack: "other" });
        evidence.keep("validation", "post-snapshot", []);
        return { evidence };
      },
      /expected the file of pre-flight\/output-snapshot .* got none\. Restore it/,
      true,
    ],
    [
      "a file that was removed",
      () => {
        const evidence = new SnapshotEvidence();
        rmSync(evidence.keep("pre-flight", "output-snapshot", []));
        evidence.keep("validation", "post-snapshot", []);
        return { evidence };
      },
      /got no such file/,
      true,
    ],
    [
      "a file that grew",
      () => {
        const evidence = new SnapshotEvidence();
        evidence.keep("pre-flight", "output-snapshot", []);
        appendFileSync(evidence.keep("validation", "post-snapshot", []), "x");
        return { evidence };
      },
      /post-snapshot .* got \d+ bytes instead of \d+/,
      false,
    ],
    [
      "a later snapshot of an older release",
      () => {
        const evidence = new SnapshotEvidence();
        evidence.keep("pre-flight", "output-snapshot", []);
        evidence.keep("validation", "post-snapshot", [], { columns: undefined as never });
        return { evidence };
      },
      /to hold the type of each deal, got one of an older release/,
      false,
    ],
    [
      "a later snapshot that is gone after the permanent release was switched to",
      () => {
        const evidence = new SnapshotEvidence();
        evidence.keep("pre-flight", "output-snapshot", []);
        rmSync(evidence.keep("validation", "post-snapshot", []));
        evidence.switchRelease("validation");
        return { evidence };
      },
      /got no such file\. Restore it .*; else to take it again, lower the phase to 3 and rise to 4 again \(npx rollout config set phase 3 /,
      false,
    ],
    [
      "answers to other questions",
      () => {
        const evidence = new SnapshotEvidence();
        evidence.keep("pre-flight", "output-snapshot", []);
        evidence.keep(
          "validation",
          "post-snapshot",
          [],
          {},
          { requests: [{ name: "costs", path: "/{key}" }] },
        );
        return { evidence };
      },
      /to ask the same of the same table, got other questions/,
      false,
    ],
  ];
  for (const [what, make, said, seenBefore] of cases)
    it(what, async () => {
      const { evidence, spec = evidence.spec() } = make();
      const deps = makeDeps(url, { evidence: evidence.reader });
      assert.match(
        (await regression.observe(spec, deps)).blockers.join() + (seenBefore ? "" : "–"),
        seenBefore ? said : /^–$/,
      );
      await assert.rejects(regression.apply(spec, deps), said);
      assert.throws(() => readdirSync(join(evidence.folder, "regressions")), /ENOENT/);
    });
});
