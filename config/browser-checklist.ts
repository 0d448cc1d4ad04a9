import { z } from "zod";
import { Action } from "./browser-action.ts";

const Actions = z.array(Action).min(1).max(200);
const Name = z.string().min(1).max(100);

function isRegExp(text: string): boolean {
  try {
    return new RegExp(text) !== undefined;
  } catch {
    return false;
  }
}

/** What phase 3 does in a browser, as a person would, and what has to be seen. */
export const BrowserChecklistSection = z.strictObject({
  browser: z
    .strictObject({
      executable: z
        .string()
        .min(1)
        .max(1000)
        .optional()
        .describe(
          "A Chromium, Chrome or Edge: a path, or a name on PATH. By default the first that PATH has.",
        ),
      args: z
        .array(z.string().regex(/^--\S+$/, "an argument that begins with --"))
        .default([])
        .describe("Arguments beside our own."),
    })
    .prefault({})
    .describe("The browser. It runs without a window."),
  actionSeconds: z.int().min(1).max(300).default(10).meta({
    unit: "s",
    description: "Longest time of one action, and until what is expected is seen.",
  }),
  pointSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(120)
    .meta({ unit: "s", description: "Longest time of a point." }),
  markerPrefix: z
    .string()
    .min(8)
    .max(60)
    .default("rollout-check-")
    .describe(
      "How {marker} begins; 16 random hex digits follow. Deals whose smokeTest.marker.field holds one are removed.",
    ),
  ignore: z
    .array(z.string().min(1).max(500).refine(isRegExp, "a regular expression"))
    .max(50)
    .default([])
    .describe("Regular expressions of console errors and failed requests that are let pass."),
  ignoreRules: z
    .array(z.string().regex(/^[a-z0-9-]{1,80}$/, "the id of an axe rule"))
    .max(50)
    .default([])
    .describe("axe rules that are not asked of the pages."),
  withoutScan: z
    .array(
      z
        .strictObject({
          page: z
            .string()
            .regex(/^\/\S*$/, "a path from /")
            .optional()
            .describe("Path of a page that axe leaves out; a name in braces stands for a key: /deals/{id}."),
          point: Name.optional().describe(
            "Name of a point whose pages it leaves out; with `page`, that page there alone.",
          ),
          reason: z.string().min(1).max(300).describe("Why; it is shown with the result."),
        })
        .refine(({ page, point }) => page ?? point, "a page or a point"),
    )
    .max(50)
    .default([])
    .describe("Pages and points that axe does not scan."),
  flows: z
    .array(
      z.strictObject({
        name: Name.describe("What `run` calls it."),
        actions: Actions.describe("What it does."),
      }),
    )
    .max(50)
    .default([])
    .describe("Actions that several points have in common."),
  login: Actions.optional().describe(
    "What is done once, before the points, where the application asks who one is.",
  ),
  points: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(200).describe("What is checked, in words."),
        actions: Actions.describe("What is done and seen, in order."),
      }),
    )
    .min(1)
    .max(100)
    .describe("The checklist. Every point has a fresh session and is run whatever became of the others."),
  humanPoints: z
    .array(z.string().min(1).max(200))
    .max(50)
    .default([])
    .describe("What a person has to look at; the gate needs each of them ticked: `rollout checklist`."),
});
export type BrowserChecklistSection = z.infer<typeof BrowserChecklistSection>;
