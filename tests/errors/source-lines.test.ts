import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { inSources } from "../../errors/source-lines.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("lines of a stack", () => {
  /** A bundle as bin/typescript.mjs makes one, of a source that throws in its third line. */
  async function stackOfBundle(): Promise<{ source: string; bundle: string; frames: string[] }> {
    const folder = temporaryFolder("source lines");
    const source = join(folder, "thrower.ts");
    writeFileSync(
      source,
      "interface Unused { text: string }\nexport function fail(): never {\n  throw new Error('no');\n}\n",
    );
    const bundle = join(folder, "bundle.mjs");
    await build({
      entryPoints: [source],
      outfile: bundle,
      bundle: true,
      format: "esm",
      sourcemap: "external",
    });
    const { fail } = await import(pathToFileURL(bundle).href);
    try {
      return fail();
    } catch (error) {
      assert.ok(error instanceof Error);
      const stack = error.stack ?? "";
      return { source, bundle, frames: stack.split("\n").filter((line) => /^\s+at /.test(line)) };
    }
  }

  it("are those of the sources for a bundle, and as they were for all else", async () => {
    const { source, bundle, frames } = await stackOfBundle();
    const mapped = inSources([...frames, "    at node:internal/main:1:2"]);
    assert.equal(mapped[0], `    at fail (${source}:3:9)`);
    assert.equal(mapped.at(-1), "    at node:internal/main:1:2");
    assert.ok(existsSync(`${bundle}.map`));
    assert.doesNotMatch(readFileSync(bundle, "utf8"), /sourceMappingURL/);
  });

  it("stay the bundle's once its map is gone", async () => {
    const { bundle, frames } = await stackOfBundle();
    rmSync(`${bundle}.map`);
    assert.deepEqual(inSources(frames), frames);
  });
});
