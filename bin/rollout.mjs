#!/usr/bin/env node
import { needsNoStack, stackOf } from "./command-line.mjs";
import { enter } from "./entry.mjs";
import { importTypeScript } from "./typescript.mjs";

// `npx rollout …`
const args = process.argv.slice(2);
enter({ stack: needsNoStack(args) ? undefined : stackOf(args), next: () => importTypeScript("cli/main.ts") });
