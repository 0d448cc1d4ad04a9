/** The values that the rollout's CHECK constraint will allow. */
export type DealType = "acquisition" | "carveout" | "divestiture";

/** An old spelling as it lies in the seeded table, what it means, and how many of 10,000 deals have it. */
export interface Oddity {
  spelling: string;
  means: DealType;
  per10k: number;
}

/**
 * Old spellings in the seed. Pulumi.sandbox.yaml maps each of them (`change.normalise.spellings`); a test
 * holds the two together. NULL (3,000 of 10,000) is not listed: `change.normalise.whenNull` maps it.
 */
export const ODDITIES: readonly Oddity[] = [
  { spelling: "carve-out", means: "carveout", per10k: 500 },
  { spelling: "Carve-Out ", means: "carveout", per10k: 200 },
  { spelling: "Carveout", means: "carveout", per10k: 20 },
  { spelling: "CARVEOUT", means: "carveout", per10k: 15 },
  { spelling: "carve out", means: "carveout", per10k: 20 },
  { spelling: " carve-out", means: "carveout", per10k: 10 },
  { spelling: "carve-out\t", means: "carveout", per10k: 5 },
  { spelling: "carve\u2011out", means: "carveout", per10k: 5 },
  { spelling: "seller's carve-out", means: "carveout", per10k: 5 },
  { spelling: "Acquisition", means: "acquisition", per10k: 60 },
  { spelling: "ACQUISITION", means: "acquisition", per10k: 20 },
  { spelling: "acquisition ", means: "acquisition", per10k: 20 },
  { spelling: "acquisition\u00a0", means: "acquisition", per10k: 5 },
  { spelling: "acq", means: "acquisition", per10k: 15 },
  { spelling: "M&A", means: "acquisition", per10k: 15 },
  { spelling: "merger", means: "acquisition", per10k: 20 },
  { spelling: "Übernahme", means: "acquisition", per10k: 5 },
  { spelling: "", means: "acquisition", per10k: 10 },
  { spelling: "Divestiture", means: "divestiture", per10k: 25 },
  { spelling: "divest", means: "divestiture", per10k: 20 },
  { spelling: "disposal", means: "divestiture", per10k: 10 },
  { spelling: "spin-off", means: "divestiture", per10k: 15 },
];

/** Spellings that no rule maps, planted by `--unmapped`: one deal each. */
export const UNMAPPED: readonly string[] = [
  "joint venture",
  "TBD",
  "???",
  "minority stake",
  "acquisition?",
  "Beteiligung",
  "x'); DROP TABLE deals; --",
];

/** How many of 10,000 seeded deals have an allowed value, and how many none at all. */
export const SHARES = { none: 3000, acquisition: 4580, carveout: 800, divestiture: 600 } as const;
