import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BrokenChain, Chain } from "../../ledger/chain.ts";
import type { NewRecord } from "../../ledger/record.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const event = (note: string): NewRecord => ({ record: "event", event: "recovered", note });

function filledStore(): string {
  const folder = temporaryFolder("evidence");
  const chain = Chain.open(folder);
  for (const note of ["one", "two", "three"]) chain.append(event(note));
  return folder;
}

const file = (number: number) => `00000${number}-recovered-event.json`;

function edit(folder: string, name: string, change: (text: string) => string): void {
  writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
}

describe("evidence chain", () => {
  it("gives back what was appended, in order, from another process's point of view", () => {
    const notes = Chain.open(filledStore()).records.map((record) => record.record === "event" && record.note);
    assert.deepEqual(notes, ["one", "two", "three"]);
  });

  it("keeps records readable by their owner only", () => {
    const folder = filledStore();
    assert.equal(statSync(join(folder, file(1))).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it("leaves no temporary file behind", () => {
    assert.deepEqual(readdirSync(filledStore()).sort(), [file(1), file(2), file(3), "head.json"]);
  });

  const tampering: [string, (folder: string) => void, RegExp][] = [
    ["an edited record", (f) => edit(f, file(2), (t) => t.replace("two", "2")), /a hash that fits.*000002/],
    ["a removed record", (f) => rmSync(join(f, file(2))), /number 2, got 3 in .*000003/],
    ["a truncated chain", (f) => rmSync(join(f, file(3))), /record 3 .*known from head\.json/],
    [
      "a truncated chain with its head cut off",
      (f) => {
        rmSync(join(f, file(3)));
        rmSync(join(f, "head.json"));
      },
      /chain's head/,
    ],
    [
      "two records in another order",
      (f) => {
        renameSync(join(f, file(2)), join(f, "x"));
        renameSync(join(f, file(3)), join(f, file(2)));
        renameSync(join(f, "x"), join(f, file(3)));
      },
      /number 2, got 3 in .*000002/,
    ],
    ["half a record", (f) => edit(f, file(3), (t) => t.slice(0, 40)), /whole record in .*000003/],
    [
      "an emptied store",
      (f) => {
        for (const n of [1, 2, 3]) rmSync(join(f, file(n)));
      },
      /record 3/,
    ],
    [
      "a record that was put in again from another chain",
      (f) => {
        const other = filledStore();
        cpSync(join(other, file(2)), join(f, file(2)));
      },
      /000002|000003/,
    ],
  ];
  for (const [what, tamper, message] of tampering) {
    it(`names the first bad record of ${what}`, () => {
      const folder = filledStore();
      tamper(folder);
      assert.throws(
        () => Chain.open(folder),
        (error) => error instanceof BrokenChain && message.test(error.message),
      );
    });
  }

  it("accepts a head that lags by one: a crash between record and head is no fault", () => {
    const folder = filledStore();
    const head = readFileSync(join(folder, "head.json"));
    Chain.open(folder).append(event("four"));
    writeFileSync(join(folder, "head.json"), head);
    assert.equal(Chain.open(folder).records.length, 4);
  });

  it("is whole for who reads it while another process writes", async () => {
    const folder = temporaryFolder("evidence");
    const chain = new URL("../../ledger/chain.ts", import.meta.url).href;
    const script = `const { Chain } = await import(${JSON.stringify(chain)});
      const chain = Chain.open(${JSON.stringify(folder)});
      for (let n = 0; n < 150; n += 1) chain.append({ record: "event", event: "recovered", note: String(n) });`;
    const writer = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    let ended = false;
    const exit = once(writer, "exit").finally(() => {
      ended = true;
    });
    while (!ended) {
      Chain.open(folder);
      await new Promise(setImmediate);
    }
    assert.deepEqual(await exit, [0, null]);
    assert.equal(Chain.open(folder).records.length, 150);
  });

  it("keeps its order when the clock goes backwards", () => {
    const folder = filledStore();
    Chain.open(folder).append(event("yesterday"), new Date("2001-01-01T00:00:00Z"));
    assert.equal(Chain.open(folder).head?.number, 4);
  });
});
