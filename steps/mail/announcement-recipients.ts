import { StepError } from "../../errors/step-error.ts";
import { type Entry, type Recipients, readRecipientFile, sortEntries } from "../../mail/recipients.ts";
import { queryRecipients, RecipientQueryError } from "../../postgres/recipient-query.ts";
import { withConnection } from "../../postgres/session.ts";
import type { StepDeps } from "../step.ts";
import type { AnnouncementSpec } from "./announcement-mail.ts";

async function queryEntries(query: string, limit: number, deps: StepDeps): Promise<Entry[]> {
  try {
    const values = await withConnection(deps, (client) => queryRecipients(client, query, limit));
    if (values.length > limit) throw tooMany(limit);
    return values.map((value, at) => ({ where: `row ${at + 1}`, text: String(value ?? "") }));
  } catch (error) {
    if (!(error instanceof RecipientQueryError)) throw error;
    throw new StepError(
      `announcement: expected one column of addresses from recipients.query, got ${error.message}. Correct announcement.recipients.query.`,
      { cause: error },
    );
  }
}

/** Of rows that were not read nobody knows whom they name, however few those are that were. */
const tooMany = (limit: number) =>
  new StepError(
    `announcement: expected 1 to ${limit} recipients, got more than ${limit} rows from recipients.query. ` +
      "Correct announcement.recipients: DISTINCT leaves duplicates out, and limit may be raised.",
  );

async function readEntries({ recipients }: AnnouncementSpec, deps: StepDeps): Promise<Entry[]> {
  const { file, column, query, limit } = recipients;
  if (file !== undefined) return readRecipientFile("announcement", file, column);
  if (query !== undefined) return queryEntries(query, limit, deps);
  const listed = deps.mail?.addresses.announcement ?? [];
  return listed.map((text, at) => ({ where: `entry ${at + 1}`, text }));
}

/**
 * Who is to get the announcement, from wherever the config says.
 * @throws {StepError} when that can't be told, is nobody, or more than `recipients.limit`. No message holds an address.
 */
export async function readRecipients(spec: AnnouncementSpec, deps: StepDeps): Promise<Recipients> {
  const { limit } = spec.recipients;
  const found = sortEntries(await readEntries(spec, deps));
  const count = found.addresses.length;
  if (count > 0 && count <= limit) return found;
  const got = count === 0 ? `none among ${found.invalid.length} entries` : `more than ${limit}`;
  throw new StepError(
    `announcement: expected 1 to ${limit} recipients, got ${got}. Correct announcement.recipients.`,
  );
}
