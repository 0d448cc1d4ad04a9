import { readdirSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import picomatch from "picomatch";
import { ROOT } from "./paths.mjs";
import { SetupError } from "./say.mjs";

/** What takes long has a name of its own: whole journeys on the engine, and what asks the same at very many points. */
const SLOW = /\.(journey|long)\.test\.ts$/;
const TESTS = "**/*.test.ts";

function isFolder(path) {
  const stats = statSync(resolve(ROOT, path), { throwIfNoEntry: false });
  return stats ? stats.isDirectory() : false;
}

const isFile = (path) => Boolean(statSync(resolve(ROOT, path), { throwIfNoEntry: false }));

function allTests() {
  return readdirSync(join(ROOT, "tests"), { recursive: true })
    .map((file) => join("tests", file))
    .filter((file) => file.endsWith(".test.ts"));
}

/** The one with a whole sandbox takes minutes: it begins first, so that no process ends long after the others. */
function quickTests() {
  const quick = allTests().filter((file) => !SLOW.test(file));
  const isWhole = (file) => file.startsWith(join("tests", "engine"));
  return [...quick.filter(isWhole), ...quick.filter((file) => !isWhole(file))];
}

/**
 * What mocha is to run: a folder stands for all tests in it, no word for the quick ones of all folders.
 * @throws SetupError when a word stands for none: mocha would only warn, or run nothing and call that passed.
 */
export function testFiles(words) {
  if (words.length === 0) return quickTests();
  const files = words.map((word) =>
    isFolder(word) ? join(relative(ROOT, resolve(ROOT, word)), TESTS) : word,
  );
  const tests = allTests();
  const empty = words.filter((_, at) => {
    const matches = picomatch(files[at].replace(/^\.\//, ""));
    return !isFile(files[at]) && !tests.some((file) => matches(file));
  });
  if (empty.length === 0) return files;
  throw new SetupError(
    `test: expected tests (*.test.ts) for ${empty.join(", ")}, got none. Name a file, a folder or a pattern within tests/.`,
  );
}

/**
 * Mocha's own reading of the command line, so that a word after `--grep` is no file, with the files in place.
 * Says at the end what the run was narrowed to, where it fails: it does when no title matches (.mocharc.json).
 */
export async function useTestFiles(argv) {
  // Loaded late: on the first run mocha is installed just before.
  const { default: options } = await import("../node_modules/mocha/lib/cli/options.cjs");
  const { _: words, grep, fgrep } = options.loadOptions(argv.slice(2));
  const named = words.map(String);
  const files = testFiles(named);
  const narrowed = grep || fgrep;
  if (narrowed)
    process.once("exit", (code) => {
      if (code !== 0)
        process.stderr.write(
          `test: ran the tests whose title has ${narrowed} alone, and fails where none has.\n`,
        );
    });
  const rest = argv.slice(2).filter((word) => !named.includes(word));
  return [...argv.slice(0, 2), ...rest, ...files];
}
