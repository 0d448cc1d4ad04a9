import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeError, renderError } from "../../errors/describe-error.ts";
import { reportError, tellError } from "../../errors/report-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Stands for a row's value, and for a secret: it may be in no text and in no file. */
export const CANARY = "canary-4711";

/** What a person reads and what is kept, checked for the canary; a remedy is always there. */
export function told(error: unknown) {
  const folder = temporaryFolder("errors");
  const shown = reportError(error, { step: "expand", folder });
  const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  for (const text of [shown, tellError(error, "expand"), ...kept])
    assert.doesNotMatch(text, new RegExp(CANARY));
  const described = describeError(error, { step: "expand" });
  assert.match(described.next, /\w{3,}.*[.?]$/);
  assert.equal(described.step, "expand");
  assert.equal(shown.split("\n")[0], renderError(described));
  return described;
}
