import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { Checkout } from "../engine/checkout.ts";

/** The shell blocks of a Markdown text, in order. */
function shellBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? "");
}

describe("README", function () {
  this.timeout(900_000);

  it("shows commands that work in the order they are shown, without one failed request", async () => {
    const block = shellBlocks(readFileSync("README.md", "utf8")).find((text) =>
      text.startsWith("npx rollout status"),
    );
    assert.ok(block);
    const checkout = await Checkout.make();
    try {
      // Fewer deals than `npm start` seeds, which the gate runs by itself.
      await checkout.rollout("sandbox", "up", "--deals", "3000");
      await checkout.rollout("start");
      const options = { cwd: checkout.folder, all: true, reject: false, stdin: "ignore" } as const;
      const { exitCode, all } = await execa(
        "bash",
        ["-ec", `${block.replace("--seconds 40 &", "--seconds 40 --json &")}\nwait`],
        options,
      );
      assert.equal(exitCode, 0, all);
      const traffic = JSON.parse(/\{[^{}]*"sent"[^{}]*\}/.exec(all)?.[0] ?? "{}");
      assert.deepEqual({ failed: traffic.failed, refused: traffic.refused }, { failed: 0, refused: 0 });
    } finally {
      await checkout.dispose();
    }
  });

  it("and the docs link to files that are there", () => {
    const docs = readdirSync("docs", { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join("docs", name));
    const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...docs];
    const broken = pages.flatMap((page) =>
      [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, target]) => join(dirname(page), target ?? ""))
        .filter((target) => !existsSync(target))
        .map((target) => `${page}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });
});
