import { styleText } from "node:util";

/** What a word means to the person who reads it. */
export type Tone = "good" | "bad" | "doubt" | "soft";
/** Gives a text the look of its tone. */
export type Paint = (tone: Tone, text: string) => string;

const COLOURS = { good: "green", bad: "red", doubt: "yellow", soft: "dim" } as const;

/** For files, other programs and tests. */
export const unpainted: Paint = (_, text) => text;

/** Colours on a terminal that shows them; NO_COLOR and FORCE_COLOR say otherwise. */
export const painted: Paint = (tone, text) => styleText(COLOURS[tone], text);
