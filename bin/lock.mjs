import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** Undefined when nobody has the lock, or has given it back by now. */
function owner(path) {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Creates the lock with its content in one step: link(2) fails when the name is taken. */
function tryTake(path) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Of several that saw a dead owner one removes its lock, and looks once more before; as processes/lock-file.ts does. */
function removeDead(path) {
  const beside = `${path}.taker`;
  if (!tryTake(beside)) {
    const other = owner(beside);
    if (other && !isAlive(other)) removeDead(beside);
    return;
  }
  const pid = owner(path);
  if (pid && !isAlive(pid)) rmSync(path, { force: true });
  rmSync(beside, { force: true });
}

/** Takes the lock file, waiting for a living owner; a dead one's lock is taken over. Returns the release. */
export async function holdLock(path, onWait) {
  let told = false;
  while (!tryTake(path)) {
    const pid = owner(path);
    if (pid && !isAlive(pid)) removeDead(path);
    else {
      if (!told) onWait();
      told = true;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  return () => rmSync(path, { force: true });
}
