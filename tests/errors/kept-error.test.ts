import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../errors/describe-error.ts";
import { reportError, tellError } from "../../errors/report-error.ts";
import { StepError } from "../../errors/step-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { CANARY, told } from "./told-error.ts";

describe("what is left of an error", () => {
  it("is a stack in a file for its owner alone, which the text names; without a message of anybody", () => {
    const folder = join(temporaryFolder("errors"), "errors");
    const text = reportError(new TypeError(`of ${CANARY}`, { cause: new Error(CANARY) }), {
      step: "expand",
      folder,
    });
    const [name = ""] = readdirSync(folder);
    assert.ok(text.endsWith(name), text);
    const path = join(folder, name);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const stack = readFileSync(path, "utf8");
    assert.match(stack, /^TypeError\n\s+at .*kept-error\.test\.ts/);
    assert.match(stack, /caused by Error\n\s+at /);
    assert.doesNotMatch(stack, new RegExp(CANARY));
  });

  it("is nothing but its message for one of ours: no file, no other words", () => {
    const folder = join(temporaryFolder("errors"), "errors");
    const own = new StepError("expand: expected a, got b. Do c.");
    assert.equal(reportError(own, { step: "expand", folder }), own.message);
    assert.equal(tellError(own, "expand"), own.message);
    assert.equal(existsSync(folder), false);
  });

  it("is told all the same where no file can be written", () => {
    const folder = temporaryFolder("errors");
    writeFileSync(join(folder, "file"), "");
    const text = reportError(new Error("no"), { folder: join(folder, "file", "errors") });
    assert.match(text, /^no \(Error\)\. Mend that.*\nIts stack could not be kept \(E\w+\)\.$/);
  });

  it("keeps the newest fifty stacks", () => {
    const folder = temporaryFolder("errors");
    mkdirSync(folder, { recursive: true });
    for (let number = 0; number < 60; number += 1) writeFileSync(join(folder, `2020-${number}.txt`), "");
    reportError(new Error("no"), { folder });
    assert.equal(readdirSync(folder).length, 50);
  });

  it("holds no password, however an address or words are written", () => {
    for (const text of [
      `postgres://owner:a@${CANARY}@db/x`,
      `postgres://owner:a/${CANARY}@db/x`,
      `postgres://owner@db/x?password=${CANARY}&sslmode=require`,
      `host=db password='it\\'s ${CANARY}' user=owner`,
      `{"user":"owner","password":"${CANARY}"}`,
      `Authorization: Bearer ${CANARY}`,
    ])
      told(new Error(`no answer of ${text}`));
    const kept = "no answer of http://localhost:8080/@user, https://db:5432/a@b and postgres://db/x";
    assert.equal(describeError(new Error(kept)).actual, kept);
  });

  it("holds nothing that a function in another language says, nor the server in another tongue", () => {
    const server = (fields: object) => Object.assign(new Error(), { severity: "ERROR", ...fields });
    for (const [code, message, routine] of [
      ["38000", `KeyError: '${CANARY}'`, "PLy_elog_impl"],
      ["XX000", `${CANARY} at line 3.`, "plperl_call_perl_func"],
      ["ZZ001", CANARY, "pgfdw_report_error"],
      ["22003", `Wert „${CANARY}“ ist außerhalb des gültigen Bereichs für Typ integer`, "x"],
      ["22003", `значение "${CANARY}" вне диапазона`, "x"],
      ["22003", `la valeur « ${CANARY} » est hors limites`, "x"],
      ["22003", `value "a "${CANARY}" b" is out of range`, "x"],
    ])
      told(server({ code, message, routine }));
  });

  it("holds none of the secrets that this process was given", () => {
    const before = process.env.ROLLOUT_DATABASE_URL;
    process.env.ROLLOUT_DATABASE_URL = `postgres://owner:${CANARY}%21@db/x`;
    try {
      told(new Error(`login of owner with ${CANARY}! was refused`));
      process.env.ROLLOUT_DATABASE_URL = `host=db user=owner password='${CANARY}'`;
      told(new Error(`login of owner with ${CANARY} was refused`));
    } finally {
      if (before === undefined) delete process.env.ROLLOUT_DATABASE_URL;
      else process.env.ROLLOUT_DATABASE_URL = before;
    }
  });
});
