import { test } from "node:test";

// Stands for an application's own suite: the baseline of a stack that is no sandbox.
test("the application works", () => {});
