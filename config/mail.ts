import { z } from "zod";

/** One mailbox; no header can be smuggled in. */
export const Address = z
  .string()
  .max(254)
  // What a domain can't hold would be cut off, or read as something else, when it is made ASCII.
  .regex(/^[^\s@<>,;"\p{Cc}]+@(?:\[[\w:.]+\]|[^\s@<>,;"/?#%:\\[\]\p{Cc}]+)$/u, "an e-mail address");

export const Line = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]+$/u, "text on one line, at most 200 characters");

/** Addresses of a list are handed to the step's process in its environment, where there is no room for more. */
export const AddressList = z.array(Address).max(200);

export const TemplatePath = z.string().min(1).max(1000);

/** Who writes, to be shown to those who read; the same in every kind of mail. */
export const senderShape = {
  application: Line.default("the application").describe("Name of the application as its users know it."),
  team: Line.default("The rollout team").describe("Who signs."),
  from: Address.default("rollout@localhost").describe("Sender's address."),
  smtp: z
    .boolean()
    .default(false)
    .describe("Send it by the mail server of `smtp`. false: it is written to reports/<stack>/outbox."),
};

/** The mail server: one for all mail of a stack. */
export const SmtpSection = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^[A-Za-z0-9:]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/, "a host's name or address")
    .describe("Mail server."),
  port: z.int().min(1).max(65_535).default(587).describe("Its port: 587 for starttls, 465 for tls."),
  security: z
    .enum(["starttls", "tls", "none"])
    .default("starttls")
    .describe("starttls: upgraded, or refused. tls: from the first byte. none: in the clear."),
  allowInsecure: z
    .boolean()
    .default(false)
    .describe(
      "Allow security none with a host that is not this machine: anyone on the way reads everything.",
    ),
  ca: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      "PEM file of the authority that signed the server's certificate, where this machine does not trust it.",
    ),
  user: Line.optional().describe(
    "Name to log in with; its password is the secret `smtpPassword`. Without it: no login.",
  ),
  perSecond: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .meta({ unit: "messages/s", description: "Most messages a second." }),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(600)
    .default(30)
    .meta({ unit: "s", description: "Longest silence of the server before the connection is given up." }),
  retries: z.int().min(0).max(20).default(3).meta({
    unit: "rounds",
    description: "How often recipients that the server puts off (4xx, greylisting) are tried again.",
  }),
  retrySeconds: z
    .int()
    .min(0)
    .max(3600)
    .default(300)
    .meta({ unit: "s", description: "Time until they are tried again." }),
  onUnknown: z
    .enum(["skip", "resend"])
    .default("skip")
    .describe(
      "A message whose connection broke before the server's answer. skip: never sent again, listed. resend: sent again with the same Message-ID; someone may get it twice.",
    ),
});
export type SmtpSection = z.infer<typeof SmtpSection>;

/** Password of `smtp.user`, always a secret. */
export const SmtpPassword = z
  .string()
  .min(1)
  .max(1000)
  .meta({ secret: true, description: "Password of `smtp.user`." });

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Whether whatever is sent there stays on this machine. */
export const isLoopback = ({ host }: Pick<SmtpSection, "host">): boolean => LOOPBACK.test(host);
