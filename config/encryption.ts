import { z } from "zod";

/** A public key of age: its own kind or an SSH key. Never begins like an option, never is a secret. */
const Recipient = z
  .string()
  .regex(
    /^(age1[0-9a-z]{20,3000}|ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( [^\n]*)?)$/,
    "a public key of age (age1…) or ssh-ed25519/ssh-rsa",
  );

/** Who can read a backup. */
export const Encryption = z.strictObject({
  recipients: z
    .array(Recipient)
    .min(1)
    .describe(
      "Public keys of age, any of whose owners can decrypt. ROLLOUT_BACKUP_IDENTITY names the file with a secret key, for the proof.",
    ),
});
export type Encryption = z.infer<typeof Encryption>;
