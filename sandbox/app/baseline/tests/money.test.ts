import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLine } from "../log.ts";
import { share, toCents, toDecimal } from "../money.ts";

test("money goes from text to cents and back unchanged", () => {
  for (const text of ["0.00", "0.05", "12.50", "999999999999.99"])
    assert.equal(toDecimal(toCents(text)), text);
  assert.throws(() => toCents("1e3"));
});

test("a share is rounded half up to the cent", () => {
  assert.equal(share(100n, 50n), 1n);
  assert.equal(share(99n, 50n), 0n);
  assert.equal(share(945_920_45n, 1_200n), 113_510_45n);
});

test("a log line stays one line, whatever is in its fields", () => {
  const line = formatLine("INFO", "deal created", { deal_id: "7", deal_type: "Carve-Out \n", lead: null });
  assert.match(line, /^\S+ INFO deal created deal_id=7 deal_type="Carve-Out \\n" lead=none\n$/);
});
