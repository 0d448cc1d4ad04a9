#!/usr/bin/env node
import { enter } from "./entry.mjs";
import { watchTestFolder } from "./test-folder.mjs";

/** Those with a whole sandbox take minutes each: they begin first, and no process ends long after the others. */
const ALL = ["tests/engine/*.test.ts", "tests/!(engine)/**/*.test.ts"];

// `npm test`: mocha with the arguments given, set-up included. Mocha starts its own process and passes signals on.
// Files that are named run alone; without one, all do (mocha would add a configured pattern to those named).
if (process.argv.slice(2).every((word) => word.startsWith("-"))) process.argv.push(...ALL);
watchTestFolder();
enter({ stack: "sandbox", next: () => import("../node_modules/mocha/bin/mocha.js") });
