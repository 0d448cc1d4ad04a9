import { importTypeScript } from "./typescript.mjs";

// `node bin/step.mjs <kind> apply|undo|observe`: what a step's Command runs.
await importTypeScript("steps/main.ts");
