#!/usr/bin/env node
import { enter } from "./entry.mjs";
import { runTypeScript } from "./typescript.mjs";

// `npm start`: the sandbox and the rollout in it, set-up included.
process.argv.splice(2, 0, "start");
enter({ stack: "sandbox", next: () => runTypeScript("cli/main.ts") });
