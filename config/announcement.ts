import { z } from "zod";
import { AddressList, senderShape, TemplatePath } from "./mail.ts";

/** Where the recipients come from: exactly one of addresses, file and query. */
export const RecipientsSection = z.strictObject({
  addresses: AddressList.optional().describe("The addresses themselves, such as distribution lists."),
  file: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe("File with one address on each line, or a CSV file with its `column`."),
  column: z.string().min(1).max(200).optional().describe("Heading of the addresses' column in a CSV `file`."),
  query: z
    .string()
    .min(1)
    .max(10_000)
    .optional()
    .describe(
      "SELECT of one column from the target database, names with their schema. Run read-only, for at most 10 s.",
    ),
  limit: z
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .meta({ unit: "recipients", description: "More than these are a mistake: nothing is sent." }),
});
export type RecipientsSection = z.infer<typeof RecipientsSection>;

/** The mail that tells users of the new interface, once it is there. */
export const AnnouncementSection = z.strictObject({
  ...senderShape,
  template: TemplatePath.default("templates/announcement.md").describe(
    "Markdown file, first line `Subject: …`; docs/announcement.md lists the {fields}.",
  ),
  correction: TemplatePath.optional().describe(
    "Markdown file of the mail that an undo sends to exactly those who got the announcement. Without it nothing is sent.",
  ),
  recipients: RecipientsSection.describe("Who gets it."),
});
export type AnnouncementSection = z.infer<typeof AnnouncementSection>;
