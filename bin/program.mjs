import { importTypeScript } from "./typescript.mjs";

// What Pulumi loads (package.json's `main`): index.ts.
const { default: program } = await importTypeScript("index.ts");

export default program;
