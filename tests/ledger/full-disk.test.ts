import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Chain } from "../../ledger/chain.ts";
import { takeLock } from "../../ledger/lock.ts";
import type { NewRecord } from "../../ledger/record.ts";
import { SendJournal } from "../../mail/journal.ts";
import { onSmallDisk } from "../small-disk.ts";

const event = (note: string): NewRecord => ({ record: "event", event: "recovered", note });

const PAGE = 4096;

/** What the journal's file says of each recipient, as the next run reads it. */
const outcomes = (folder: string) =>
  SendJournal.open(folder, "a/b/1").recipients.map(({ address, outcome }) => `${address} ${outcome}`);

describe("a disk that runs full", () => {
  it("stops the evidence with what to free, leaves no part of a record, and lets it go on later", async function () {
    await onSmallDisk(this, ({ folder, fill, free }) => {
      const evidence = join(folder, "evidence");
      const chain = Chain.open(evidence);
      chain.append(event("one"));
      const before = readdirSync(evidence);
      fill(0);
      assert.throws(() => chain.append(event("two")), {
        name: "StepError",
        message: `disk: expected room for 000002-recovered-event.json in ${evidence}, got a full disk. Free some and run again.`,
      });
      assert.deepEqual(readdirSync(evidence), before);
      free();
      chain.append(event("two"));
      assert.equal(Chain.open(evidence).records.length, 2);
    });
  });

  it("lets nobody take the evidence, and leaves no lock behind", async function () {
    await onSmallDisk(this, ({ folder, fill, free }) => {
      fill(0);
      assert.throws(() => takeLock(folder, "apply soak"), /room for lock\.json in .*Free some and run again/);
      assert.deepEqual(readdirSync(folder), ["ballast"]);
      free();
      takeLock(folder, "apply soak")();
    });
  });

  it("lets no message go out whose line is on the disk in part only", async function () {
    await onSmallDisk(this, ({ folder, fill, free }) => {
      const journal = SendJournal.open(folder, "a/b/1");
      const record = (address: string) =>
        journal.record({ address, messageId: "<1>", state: "sending" }, new Date(0));
      record("a");
      const { size } = statSync(journal.path);
      const wide = "b".repeat(PAGE - 50 - size - (size - 1));
      record(wide);
      // The next line begins in the page that is there, and goes on in one for which there is no room.
      fill(0);
      assert.throws(() => record("c"), /room for the journal of what was sent .*full disk/);
      assert.deepEqual(outcomes(folder), ["a unknown", `${wide} unknown`]);
      free();
      record("d");
      assert.deepEqual(outcomes(folder), ["a unknown", `${wide} unknown`, "d unknown"]);
    });
  });
});
