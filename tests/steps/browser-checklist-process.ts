import { type BrowserChecklistSpec, browserChecklist } from "../../steps/browser-checklist.ts";
import { makeDeps } from "./preflight-deps.ts";

/** A process of its own that goes through the checklist, to be killed. Arguments as JSON. */
const { databaseUrl, spec } = JSON.parse(process.argv[2] ?? "") as {
  databaseUrl: string;
  spec: BrowserChecklistSpec;
};
await browserChecklist.apply(spec, makeDeps(databaseUrl));
