import { settingsWith } from "./fixture.ts";

/** A process that analyses deals by their type. */
export const AWARE = settingsWith({ DEAL_TYPE_AWARENESS: "true" });
