#!/usr/bin/env node
import { enter } from "./entry.mjs";
import { watchTestFolder } from "./test-folder.mjs";

// `npm test`: mocha with the arguments given, set-up included. Mocha starts its own process and passes signals on.
watchTestFolder();
enter({
  stack: "sandbox",
  next: async () => {
    const { useTestFiles } = await import("./test-files.mjs");
    process.argv = await useTestFiles(process.argv);
    return import("../node_modules/mocha/bin/mocha.js");
  },
});
