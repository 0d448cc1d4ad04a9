import { z } from "zod";
import { TimeZone } from "./window.ts";

/** One mailbox; no header can be smuggled in. */
const Address = z
  .string()
  .max(320)
  .regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, "an e-mail address");

const Line = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\r\n]+$/, "text on one line, at most 200 characters");

/** The maintenance notice that goes out before phase 1 changes anything. */
export const NoticeSection = z.strictObject({
  application: Line.default("the application").describe("Name of the application as its users know it."),
  team: Line.default("The rollout team").describe("Who signs."),
  from: Address.default("rollout@localhost").describe("Sender's address."),
  to: z.array(Address).default([]).describe("Receivers' addresses; none: undisclosed recipients."),
  template: z
    .string()
    .min(1)
    .max(1000)
    .default("templates/maintenance-notice.txt")
    .describe("Text or Markdown file, first line `Subject: …`; docs/notice.md lists the {fields}."),
  timeZone: TimeZone.optional().describe("Time zone shown beside UTC; that of the window by default."),
  smtp: z
    .string()
    .max(1000)
    .optional()
    .describe("Mail server. (Not built yet: the notice is written to reports/<stack>/outbox.)"),
});
export type NoticeSection = z.infer<typeof NoticeSection>;
