/** A release of the app: the one before it, plus the files in its folder below sandbox/app, minus `removed`. */
export interface Release {
  name: ReleaseName;
  message: string;
  removed: readonly string[];
}

export type ReleaseName = "baseline" | "feature" | "interface" | "permanent";

/** Oldest first: each is the parent of the next. */
export const RELEASES: readonly Release[] = [
  { name: "baseline", message: "Diligence as it runs today", removed: [] },
  { name: "feature", message: "Analyse deals by their type, behind a flag", removed: [] },
  { name: "interface", message: "Ask for the deal type in the forms", removed: [] },
  {
    name: "permanent",
    message: "Make deal types permanent: the flag is gone",
    removed: ["tests/old-style.test.ts", "tests/flag.test.ts", "tests/pages-flag-off.test.ts"],
  },
];
