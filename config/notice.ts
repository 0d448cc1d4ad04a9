import { z } from "zod";
import { AddressList, senderShape, TemplatePath } from "./mail.ts";
import { TimeZone } from "./window.ts";

/** The maintenance notice that goes out before phase 1 changes anything. */
export const NoticeSection = z.strictObject({
  ...senderShape,
  to: AddressList.default([]).describe("Receivers' addresses; none: undisclosed recipients."),
  template: TemplatePath.default("templates/maintenance-notice.txt").describe(
    "Markdown file, first line `Subject: …`; docs/notice.md lists the {fields}.",
  ),
  timeZone: TimeZone.optional().describe("Time zone shown beside UTC; that of the window by default."),
});
export type NoticeSection = z.infer<typeof NoticeSection>;
