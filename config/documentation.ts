import { z } from "zod";

function isPattern(source: string): boolean {
  try {
    new RegExp(source, "iu");
    return true;
  } catch {
    return false;
  }
}

/** A phrase, found as whole words in any case and across line breaks; or a pattern of its own. */
export const Mention = z.union([
  z.string().min(1).max(200),
  z.strictObject({
    pattern: z
      .string()
      .min(1)
      .max(500)
      .refine(isPattern, "a regular expression of JavaScript")
      .describe("Regular expression, in any case."),
  }),
]);
export type Mention = z.infer<typeof Mention>;

/** What the release has to tell its users. */
export const DocumentationSection = z.strictObject({
  files: z
    .array(
      z.strictObject({
        path: z
          .string()
          .max(1000)
          .regex(/^(?!\/)(?!(.*\/)?\.\.?(\/|$))[^\p{Cc}]+$/u, "a path in the application's repository")
          .describe("File in the application's repository."),
        mentions: z
          .array(Mention)
          .max(100)
          .default([])
          .describe("Words that it must hold, each as text or as {pattern: regular expression}."),
      }),
    )
    .min(1)
    .max(200)
    .describe("Files that the release must hold."),
});
export type DocumentationSection = z.infer<typeof DocumentationSection>;
