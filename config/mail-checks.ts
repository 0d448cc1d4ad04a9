import { type FaultContext, faultLine } from "./fault.ts";
import { isLoopback } from "./mail.ts";
import type { Settings } from "./schema.ts";

/** Rules between the keys of mail: who gets it, by which server, with which password. */
export function mailLines(context: FaultContext, settings: Partial<Settings>): string[] {
  return [
    ...serverLines(context, settings),
    ...senderLines(context, settings),
    ...recipientLines(context, settings),
  ];
}

function serverLines(context: FaultContext, { smtp, smtpPassword }: Partial<Settings>): string[] {
  const lines: string[] = [];
  const refuse = (path: string[], expected: string, value: unknown) =>
    lines.push(faultLine(context, path, expected, value));
  if (smtp?.security === "none" && !smtp.allowInsecure && !isLoopback(smtp)) {
    const expected = `starttls or tls for ${smtp.host} (or smtp.allowInsecure, where everybody on the way may read)`;
    refuse(["smtp", "security"], expected, "none");
  }
  if (smtp?.user !== undefined && smtpPassword === undefined)
    refuse(["smtpPassword"], "the secret password of smtp.user", undefined);
  if (smtp?.user === undefined && smtpPassword !== undefined)
    refuse(["smtp", "user"], "the name that smtpPassword belongs to", undefined);
  return lines;
}

function senderLines(context: FaultContext, { smtp, notice, announcement }: Partial<Settings>): string[] {
  const expected = "the mail server that notice.smtp or announcement.smtp asks for,";
  const wanted = notice?.smtp || announcement?.smtp;
  return [
    ...(wanted && !smtp ? [faultLine(context, ["smtp"], expected, undefined)] : []),
    ...(notice?.smtp && notice.to.length === 0
      ? [faultLine(context, ["notice", "to"], "at least one address, since notice.smtp is true,", [])]
      : []),
  ];
}

function recipientLines(context: FaultContext, { announcement }: Partial<Settings>): string[] {
  if (!announcement) return [];
  const { addresses, file, query, column } = announcement.recipients;
  const path = ["announcement", "recipients"];
  const given = Object.entries({ addresses, file, query }).filter(([, value]) => value !== undefined);
  const names = given.map(([name]) => name).join(" and ") || "none";
  return [
    ...(given.length === 1
      ? []
      : [faultLine(context, path, "exactly one of addresses, file and query", names)]),
    ...(column !== undefined && file === undefined
      ? [faultLine(context, [...path, "column"], "no column without a file", column)]
      : []),
  ];
}
