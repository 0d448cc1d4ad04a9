import { settingsWith } from "./fixture.ts";

/** Every process analyses deals by their type. */
export const AWARE = settingsWith();
