/** The embedded target of the rollout: a private PostgreSQL and the diligence app. */

export { DEFAULT_DEALS } from "./database/seed.ts";
export { readSandbox, Sandbox } from "./description.ts";
export { ODDITIES, UNMAPPED } from "./oddities.ts";
export { type SandboxStatus, sandboxStatus } from "./status.ts";
export type { TrafficFigures } from "./traffic/figures.ts";
export { runTraffic, type TrafficOptions } from "./traffic/run-traffic.ts";
export { type SandboxOptions, type SeedChoice, sandboxDown, sandboxReset, sandboxUp } from "./up.ts";
