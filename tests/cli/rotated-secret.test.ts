import { deepEqual } from "node:assert/strict";
import { storedDatabaseUrls } from "../../cli/rotated-secret.ts";

const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "x",
  plaintext: JSON.stringify(value),
});

describe("destroy after a rotated password", () => {
  it("finds the database URLs that the deployed steps would undo with, however deep Pulumi wraps them", () => {
    const resources = [
      { inputs: { environment: { ROLLOUT_DATABASE_URL: secret("postgres://a") } } },
      { inputs: { environment: secret({ ROLLOUT_DATABASE_URL: "postgres://b" }) } },
      { inputs: { environment: { ROLLOUT_DATABASE_URL: secret("postgres://a") } } },
      { inputs: {} },
      {},
    ];
    deepEqual(
      [...storedDatabaseUrls(JSON.stringify({ deployment: { resources } }))],
      ["postgres://a", "postgres://b"],
    );
    deepEqual([...storedDatabaseUrls("{}")], []);
  });
});
