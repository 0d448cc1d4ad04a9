import { z } from "zod";
import { AddressList } from "../config/mail.ts";
import type { RolloutConfig } from "../config/schema.ts";

/** What mail needs and no spec may hold, since state and evidence keep specs: the password, and people's addresses. */
export const MailSecrets = z.strictObject({
  /** Password of `smtp.user`. */
  password: z.string().optional(),
  /** Addresses that the config lists, by kind of step. */
  addresses: z.strictObject({ notice: AddressList, announcement: AddressList }),
});
export type MailSecrets = z.infer<typeof MailSecrets>;

/** Variable that hands them, as JSON, to the process of a step that sends mail. */
export const MAIL_VARIABLE = "ROLLOUT_MAIL";

/** Those of a stack. */
export function mailSecrets({
  smtpPassword,
  notice,
  announcement,
}: Pick<RolloutConfig, "smtpPassword" | "notice" | "announcement">): MailSecrets {
  const addresses = { notice: notice.to, announcement: announcement?.recipients.addresses ?? [] };
  return { ...(smtpPassword === undefined ? {} : { password: smtpPassword }), addresses };
}

/** As the environment hands them over; undefined where it holds none. */
export function readMailSecrets(text: string | undefined): MailSecrets | undefined {
  return text === undefined ? undefined : MailSecrets.parse(JSON.parse(text));
}
