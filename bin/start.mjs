#!/usr/bin/env node
import { enter } from "./entry.mjs";
import { importTypeScript } from "./typescript.mjs";

// `npm start`: the sandbox and the rollout in it, set-up included.
process.argv.splice(2, 0, "start");
enter({ stack: "sandbox", next: () => importTypeScript("cli/main.ts") });
