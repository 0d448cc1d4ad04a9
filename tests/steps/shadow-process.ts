import { connect } from "../../postgres/connect.ts";
import { type ShadowComparisonSpec, shadowComparison } from "../../steps/shadow-comparison.ts";
import { makeDeps } from "./preflight-deps.ts";

/** A process of its own that compares, to be killed. Arguments as JSON. */
const { databaseUrl, spec } = JSON.parse(process.argv[2] ?? "") as {
  databaseUrl: string;
  spec: ShadowComparisonSpec;
};
await shadowComparison.apply(spec, { ...makeDeps(databaseUrl), connect: () => connect(databaseUrl) });
