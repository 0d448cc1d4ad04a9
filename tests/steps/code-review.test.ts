import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { type CodeReviewSpec, codeReview } from "../../steps/code-review.ts";
import { applyStep } from "../../steps/run-step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { TestRepository } from "../git-repository.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, makeDeps } from "./preflight-deps.ts";

const READS = 'import os\nENABLED = os.getenv("DEAL_TYPE_AWARENESS") == "true"\n';
const POINTS = ["the flag is asked", "the old way is kept"];

function repositoryWith(files: Record<string, string | null> = { "config_v2.py": READS }) {
  const repository = new TestRepository();
  const from = repository.commit({ "config_v2.py": "x = 1\n", "web/old.py": "y = 1\n" }, "as it runs");
  const to = repository.commit(files, "by deal type");
  return { repository, from, to };
}

type Made = ReturnType<typeof repositoryWith>;

function specOf({ repository, from, to }: Made, changed: Partial<CodeReviewSpec> = {}): CodeReviewSpec {
  const review = { files: ["config_v2.py", "services/**"], points: POINTS, knownVariables: [] };
  const flagVariable = "DEAL_TYPE_AWARENESS";
  const own = { repository: repository.folder, from, to, flagVariable, review };
  return codeReview.spec.parse({ ...baseSpec("code-review"), ...own, ...changed });
}

const scratch = () => readdirSync(tmpdir()).filter((name) => name.startsWith("rollout-commits-")).length;

describe("code review", () => {
  describe("of a release that makes the behaviour permanent", () => {
    const gone = (made: Made) => specOf(made, { flag: "gone", section: "permanentReview" });
    const stopsOf = async (files: Record<string, string | null>) =>
      (await codeReview.observe(gone(repositoryWith(files)), makeDeps(""))).blockers;

    it("passes one that names the flag nowhere but in prose, and says so", async () => {
      const made = repositoryWith({
        "config_v2.py": "x = 2\n",
        "services/README.md": "DEAL_TYPE_AWARENESS is gone\n",
      });
      const deps = makeDeps("");
      assert.deepEqual((await codeReview.apply(gone(made), deps)).readers, []);
      assert.match(
        (await codeReview.observe(gone(made), deps)).plan.join(),
        /that none reads or sets DEAL_TYPE_AWARENESS/,
      );
    });

    it("stops wherever code and tests read the variable or settings set it, by file and line", async () => {
      const [stop = "", ...others] = await stopsOf({
        "config_v2.py": READS,
        "services/.env.example": "DEAL_TYPE_AWARENESS=true\n",
        "services/start.sh": 'exec app --aware="$\u007bDEAL_TYPE_AWARENESS:-false}"\n',
        "services/tests/test_flag.py": 'monkeypatch.setenv("DEAL_TYPE_AWARENESS", "true")\n',
      });
      assert.match(
        stop,
        /expected nothing in [0-9a-f]{12} that reads or sets the variable DEAL_TYPE_AWARENESS/,
      );
      assert.match(
        stop,
        /got config_v2\.py:2, services\/\.env\.example:1, services\/start\.sh:1, services\/tests\/test_flag\.py:1\. Remove/,
      );
      assert.deepEqual(others, []);
    });

    it("passes constants that are called like the flag, and comments about it, as the review of phase 2 does", async () => {
      const files = {
        "config_v2.py":
          "DEAL_TYPE_AWARENESS = True\nDEAL_TYPE_AWARENESS_ENABLED = True  # was DEAL_TYPE_AWARENESS\n",
        "services/cost.py":
          'from config_v2 import DEAL_TYPE_AWARENESS\nif app.config["DEAL_TYPE_AWARENESS"]: run()\n',
        "services/page.js": "const DEAL_TYPE_AWARENESS = true;\n",
      };
      assert.deepEqual(await stopsOf(files), []);
    });

    it("names its own key of the config", async () => {
      const [stop = ""] = await stopsOf({ "other.py": "" });
      assert.match(stop, /add them to deployment\.permanentReview\.files/);
    });
  });

  it("stops at a submodule by name, and says in preview what Git LFS keeps", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 132000000\n`;
    const made = repositoryWith({ "config_v2.py": READS, "services/model.bin": pointer });
    const { blockers, plan } = await codeReview.observe(specOf(made), makeDeps(""));
    assert.deepEqual(blockers, []);
    assert.equal(
      plan[1],
      "Git LFS keeps services/model.bin (132000000 bytes): each host needs git-lfs to install them",
    );
    made.repository.git("update-index", "--add", "--cacheinfo", `160000,${made.from},services/vendored`);
    made.repository.git("commit", "--quiet", "-m", "a submodule");
    const to = made.repository.git("rev-parse", "HEAD");
    const [stop = ""] = (await codeReview.observe(specOf({ ...made, to }), makeDeps(""))).blockers;
    assert.match(
      stop,
      /to hold all its files, got a submodule, which is not supported: services\/vendored\. Take/,
    );
  });

  it("passes a release that changes the expected files on top of what runs and reads the flag by its name", async () => {
    const made = repositoryWith({ "config_v2.py": READS, "services/cost.py": "z = 1\n" });
    const deps = makeDeps("");
    const before = scratch();
    assert.deepEqual((await codeReview.observe(specOf(made), deps)).blockers, []);
    const result = await codeReview.apply(specOf(made), deps);
    assert.deepEqual([result.commits, result.files, result.readers], [1, 2, ["config_v2.py:2"]]);
    assert.equal(result.subject, `${made.from.slice(0, 12)}..${made.to.slice(0, 12)}`);
    assert.equal(result.gate.length, 2);
    const report = JSON.parse(deps.readArtifact(result.report));
    assert.deepEqual(report.commits, [{ sha: made.to, subject: "by deal type" }]);
    assert.deepEqual(report.files[1], { status: "A", path: "services/cost.py" });
    assert.equal(scratch(), before);
  });

  const stops: [string, (made: Made) => Partial<CodeReviewSpec>, Record<string, string | null>, RegExp][] = [
    [
      "a file that nobody expects, removed ones too",
      () => ({}),
      { "config_v2.py": READS, "web/old.py": null, "deploy.sh": "rm\n" },
      /got 2 other files: deploy\.sh, web\/old\.py\. Take them out of the release, or add them to deployment\.review\.files/,
    ],
    [
      "the flag read under another name, by file and line",
      () => ({}),
      { "config_v2.py": `${READS}\nB = os.environ["DEAL_TYPE_AWARENESS_ENABLED"]\n` },
      /as DEAL_TYPE_AWARENESS alone, got config_v2\.py:4 \(DEAL_TYPE_AWARENESS_ENABLED\)\./,
    ],
    [
      "a release that never reads the flag",
      () => ({}),
      { "config_v2.py": "DEAL_TYPE_AWARENESS = True\n" },
      /that reads DEAL_TYPE_AWARENESS from the environment, got none: the flag would switch nothing/,
    ],
    [
      "a commit that the repository lacks",
      () => ({ to: "0123456789".repeat(4) }),
      { "config_v2.py": READS },
      /expected commit (?:0123456789){4} in .*, got none\. Push it there/,
    ],
    [
      "a repository that is not there",
      () => ({ repository: "/nowhere/at/all" }),
      { "config_v2.py": READS },
      /expected to fetch from \/nowhere\/at\/all, got: fatal: .* Correct deployment\.repository/,
    ],
    [
      "a repository that would run a program",
      () => ({ repository: "ext::sh" }),
      { "config_v2.py": READS },
      /transport 'ext' not allowed/,
    ],
  ];
  for (const [what, changed, files, said] of stops)
    it(`stops before anything is changed: ${what}`, async () => {
      const made = repositoryWith(files);
      const spec = specOf(made, changed(made));
      const { blockers } = await codeReview.observe(spec, makeDeps(""));
      assert.equal(blockers.length, 1, blockers.join("\n"));
      assert.match(blockers[0] ?? "", said);
      await assert.rejects(codeReview.apply(spec, makeDeps("")), { name: "StepError", message: said });
    });

  it("stops a release that does not stand on what runs", async () => {
    const made = repositoryWith();
    made.repository.git("checkout", "--quiet", "--orphan", "other");
    const to = made.repository.commit({ "config_v2.py": `${READS}# other\n` });
    const [stop] = (await codeReview.observe(specOf({ ...made, to }), makeDeps(""))).blockers;
    assert.match(stop ?? "", /to be a forebear of .*, got another line of commits/);
  });

  it("fetches what a branch reaches where the server hands out no single commit", async () => {
    const made = repositoryWith();
    made.repository.commit({ "config_v2.py": `${READS}# later\n` });
    const home = temporaryFolder("home");
    // By its first protocol a server hands out nothing but what a branch or tag names.
    writeFileSync(join(home, ".gitconfig"), "[protocol]\n\tversion = 0\n");
    const before = process.env.HOME;
    process.env.HOME = home;
    try {
      const spec = specOf(made, { repository: `file://${made.repository.folder}` });
      assert.equal((await codeReview.apply(spec, makeDeps(""))).commits, 1);
    } finally {
      process.env.HOME = before;
    }
  });

  it("keeps the gate shut until each point is ticked, and never drifts", async () => {
    const made = repositoryWith();
    const chain = Chain.open(temporaryFolder("evidence"));
    const deps = makeDeps("", { evidence: evidenceOf(chain.records) });
    const target = new TargetGuard("test", undefined);
    const context = { chain, deps, target, findStep: async () => codeReview };
    const spec = specOf(made);
    await applyStep(codeReview, spec, context);
    const { phase, step } = spec.identity;
    const subject = `${made.from.slice(0, 12)}..${made.to.slice(0, 12)}`;
    for (const [open, point] of [
      [2, POINTS[0]],
      [1, POINTS[1]],
      [0, "none"],
    ] as const) {
      const { gate = [], drift, blockers } = await codeReview.observe(spec, deps);
      assert.deepEqual([gate.length, drift, blockers], [open, [], []]);
      if (open > 0)
        assert.match(gate[0] ?? "", new RegExp(`"${point}" to be ticked, got no tick\\. .*checklist$`));
      const tick = { phase, step, point: point as string, subject, checkedBy: "Ada" };
      chain.append({ record: "event", event: "point-checked", ...tick });
    }
  });

  it("ticks its points itself where nobody is there to do it, and says so", async () => {
    const made = repositoryWith();
    const result = await codeReview.apply(specOf(made, { checkedBy: "sandbox" }), makeDeps(""));
    assert.deepEqual([result.checkedBy, result.gate], ["sandbox", []]);
  });
});
