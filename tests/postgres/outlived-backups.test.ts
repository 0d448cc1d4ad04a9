import assert from "node:assert/strict";
import type { Keep } from "../../config/keep.ts";
import type { StoredBackup } from "../../postgres/backup/dump-store.ts";
import { findOutlived, type KeptBackup } from "../../postgres/backup/outlived-backups.ts";

const NOW = new Date("2026-03-01T00:00:00Z");

/** `d3+` = three days old and proven, `d3` = not proven. */
function backups(text: string): KeptBackup[] {
  return text.split(" ").map((word) => {
    const [, days = ""] = /d(\d+)/.exec(word) ?? [];
    const startedAt = new Date(NOW.getTime() - Number(days) * 24 * 3600_000 - 1000).toISOString();
    const backup = { sha256: word, manifest: { startedAt } } as StoredBackup;
    return { backup, proven: word.endsWith("+") };
  });
}

describe("backups that are let go", () => {
  const cases: [string, string, Keep, { needed?: string[]; coming?: number }, string[]][] = [
    ["those older than the newest proven one", "d1+ d2+ d3", { proven: 1 }, {}, ["d2+", "d3"]],
    ["none while the newest is not proven", "d1 d2+", { proven: 1 }, {}, []],
    ["none at all without a proven one", "d1 d2 d3", { proven: 1 }, {}, []],
    [
      "those beyond the number, counting proven ones alone",
      "d1+ d2 d3+ d4 d5+",
      { proven: 2 },
      {},
      ["d4", "d5+"],
    ],
    ["those beyond the age, but never the newest proven one", "d40 d50+ d60+", { days: 30 }, {}, ["d60+"]],
    ["no younger ones", "d1+ d29+ d30+", { days: 30 }, {}, ["d30+"]],
    ["only what number and age both let go", "d1+ d2+ d40+", { proven: 1, days: 30 }, {}, ["d40+"]],
    ["none that the present attempt refers to", "d1+ d2+ d3+", { proven: 1 }, { needed: ["d2+"] }, ["d3+"]],
    ["one more, where a proven one is to come", "d1+ d2+", { proven: 1 }, { coming: 1 }, ["d1+", "d2+"]],
  ];
  for (const [what, list, keep, { needed = [], coming = 0 }, expected] of cases) {
    it(`are ${what}`, () => {
      const isNeeded = (sha256: string) => needed.includes(sha256);
      const found = findOutlived(backups(list), { keep, isNeeded, now: NOW, coming });
      assert.deepEqual(
        found.map(({ sha256 }) => sha256),
        expected,
      );
    });
  }
});
