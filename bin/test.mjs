#!/usr/bin/env node
import { enter } from "./entry.mjs";
import { watchTestFolder } from "./test-folder.mjs";

// `npm test`: mocha with the arguments given, set-up included. Mocha starts its own process and passes signals on.
// Files that are named run alone; without one, all do (mocha would add a configured pattern to those named).
if (process.argv.slice(2).every((word) => word.startsWith("-"))) process.argv.push("tests/**/*.test.ts");
watchTestFolder();
enter({ stack: "sandbox", next: () => import("../node_modules/mocha/bin/mocha.js") });
