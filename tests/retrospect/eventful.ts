import { RolledOut, suiteRecord } from "../archive/rolled-out.ts";

const at = (text: string) => new Date(`2025-${text}Z`);

/** A rollout as they happen: something failed, something was killed, a flag was flipped, people ticked points. */
export function eventful(): RolledOut {
  const stack = new RolledOut();
  stack.run("pre-flight", "guard", { at: at("02-03T09:00:00") });
  stack.run("pre-flight", "backup", {
    outcome: "failed",
    error: "backup: expected | room, got <b>none</b>.\nFree some.",
  });
  stack.run("pre-flight", "backup", { at: at("02-03T11:40:00") });
  stack.run("database-migration", "guard", { at: at("02-11T02:00:00") });
  stack.run("database-migration", "migration", { outcome: null });
  stack.append({ record: "event", event: "recovered", note: "a stale lock" }, at("02-11T02:09:00"));
  stack.run("database-migration", "migration", { at: at("02-11T02:10:00") });
  stack.run("database-migration", "constraint", { generation: 2 });
  stack.run("code-deployment", "code-review", {
    at: at("02-17T10:00:00"),
    result: { subject: "a..b", points: ["read it"] },
  });
  const tick = { phase: "code-deployment", step: "code-review", point: "read it", subject: "a..b" };
  stack.append({
    record: "event",
    event: "point-checked",
    ...tick,
    checkedBy: "Ada Lovelace",
    note: "PR 417",
  });
  stack.run("code-deployment", "shadow-comparison");
  stack.run("code-deployment", "smoke-test");
  stack.append(
    { record: "event", event: "flag-switched", note: "off: costs look odd" },
    at("02-18T14:00:00"),
  );
  stack.run("code-deployment", "env-flag", { verb: "undo" });
  stack.run("validation", "test-suite", { at: at("03-04T09:00:00"), result: suiteRecord(572, 1).counts });
  stack.run("validation", "regression", { at: at("03-04T12:00:00"), result: {} });
  return stack;
}
