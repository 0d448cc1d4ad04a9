import assert from "node:assert/strict";
import { lastSeenCommit, parseVisibility } from "../../postgres/backup/snapshot-commit.ts";
import { parseCommits } from "../../postgres/backup/wal-stream.ts";

const at = (...xids: number[]) => xids.map((xid) => ({ xid, lsn: `0/${xid}` }));

describe("the commit with which a snapshot ends", () => {
  const cases: [string, string, number[], string | null | undefined][] = [
    ["none, when nothing was committed since", "100:100:", [], null],
    ["none, when all commits came later", "100:100:", [100, 101], null],
    ["the last one it sees", "100:103:", [101, 100, 102, 103], "0/102"],
    ["the last one before one that was still running", "100:103:101", [100, 102, 101], "0/102"],
    ["no place, when one it misses lies before one it sees", "100:103:101", [100, 101, 102], undefined],
    ["no place, when a later one overtook", "100:102:", [102, 101], undefined],
    ["the same past the wrap of 32 bits", "4294967290:4294967300:4294967299", [4294967295, 2, 3], "0/2"],
    ["none, when the later one has wrapped", "4294967295:4294967295:", [1], null],
  ];
  for (const [what, snapshot, xids, expected] of cases) {
    it(`is ${what}`, () => assert.equal(lastSeenCommit(at(...xids), parseVisibility(snapshot)), expected));
  }

  it("is read from the log, a prepared transaction's by its own number", () => {
    const text = `first record is after 0/2000100, at 0/2000110, skipping over 16 bytes
rmgr: Transaction len (rec/tot):     34/    34, tx:        743, lsn: 0/02000110, prev 0/020000D8, desc: COMMIT 2026-01-02 03:04:05.678 UTC
rmgr: Transaction len (rec/tot):     34/    34, tx:        744, lsn: 0/02000138, prev 0/02000110, desc: ABORT 2026-01-02 03:04:05.678 UTC
rmgr: Transaction len (rec/tot):     54/    54, tx:        745, lsn: 0/02000160, prev 0/02000138, desc: COMMIT_PREPARED 739: 2026-01-02 03:04:06.1 UTC`;
    assert.deepEqual(parseCommits(text), [
      { xid: 743, lsn: "0/02000110" },
      { xid: 739, lsn: "0/02000160" },
    ]);
  });
});
