import { equal, match, ok } from "node:assert/strict";
import { showLogEnd } from "../../hosts/journal.ts";

describe("the end of a journal in a message", () => {
  for (const [text, shown] of [
    ["one\ntwo.\n", "one | two"],
    ["cannot reach postgres://app:s3cret@db/x", "cannot reach postgres://app:***@db/x"],
    ["redis://:s3cret@cache:6379/0 refused", "redis://:***@cache:6379/0 refused"],
    ['settings: password="two words" user=app', "settings: password=*** user=app"],
    ["API_KEY: abc123, SECRET_KEY='x y'", "API_KEY: *** SECRET_KEY=***"],
    ["Authorization: Bearer abc.def", "Authorization: Bearer ***"],
    ["a \u001b[31mred\u001b[0m\u0007 bell", "a red bell"],
  ] as const)
    it(`is ${JSON.stringify(shown)}`, () => equal(showLogEnd(text), shown));

  it("is its last part, where the reason stands, on one line that is not long", () => {
    const shown = showLogEnd(`${"Traceback\n".repeat(500)}ImportError: the reason`);
    match(shown, /^….*ImportError: the reason$/);
    ok(shown.length <= 701);
  });
});
