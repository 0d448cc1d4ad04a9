import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLockFile, releaseLockFile, takeLockFile } from "../../processes/lock-file.ts";
import { identifySelf } from "../../processes/process-identity.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const self = identifySelf();
const contender = (name: string) => ({ ...self, name });
type Contender = ReturnType<typeof contender>;

/** A lock whose holder has ended. */
function staleLock(): string {
  const file = join(temporaryFolder("lock"), "lock");
  writeFileSync(file, JSON.stringify({ ...contender("dead"), started: "1@another-boot" }));
  return file;
}

const isDead = ({ name }: Contender) => name === "dead";

describe("a lock file", () => {
  it("names who has it, and leaves nothing beside it once it is given back", () => {
    const file = join(temporaryFolder("lock"), "lock");
    assert.equal(takeLockFile(file, contender("first")), undefined);
    assert.deepEqual(takeLockFile(file, contender("second")), contender("first"));
    releaseLockFile(file, self);
    assert.deepEqual(readdirSync(join(file, "..")), []);
  });

  it("of a process that has ended counts for nothing", () => {
    const file = staleLock();
    assert.equal(takeLockFile(file, contender("next")), undefined);
    assert.deepEqual(readdirSync(join(file, "..")), ["lock"]);
    assert.deepEqual(readLockFile(file), contender("next"));
  });

  it("of a dead one goes to one of two that saw it dead, not to both", () => {
    const file = staleLock();
    let looked = false;
    const second = takeLockFile(file, contender("second"), (holder) => {
      // The first is quicker: it takes the lock after the second saw the dead holder.
      if (!looked) {
        looked = true;
        assert.equal(takeLockFile(file, contender("first"), isDead), undefined);
      }
      return isDead(holder);
    });
    assert.deepEqual(second, contender("first"));
    assert.deepEqual(readLockFile(file), contender("first"));
  });

  it("is given back by its holder alone", () => {
    const file = join(temporaryFolder("lock"), "lock");
    takeLockFile(file, contender("first"));
    releaseLockFile(file, { ...self, started: "1@another-boot" });
    assert.deepEqual(readLockFile(file), contender("first"));
  });

  it("that does not say who holds it is refused by name", () => {
    const file = join(temporaryFolder("lock"), "lock");
    writeFileSync(file, "");
    assert.throws(
      () => takeLockFile(file, contender("next")),
      /expected \S*lock to say who holds it, got ""/,
    );
  });
});
