/** What a refusal of the server is about. */
export type Complaint = "login" | "sender" | "recipient" | "size" | "letters" | "policy";

/** By the three numbers that RFC 3463 gives a reason; `x.y` covers every `x.y.z` that is not listed itself. */
const ENHANCED: Record<string, Complaint> = {
  "1.7": "sender",
  "1.8": "sender",
  "1": "recipient",
  "2": "recipient",
  "2.3": "size",
  "3.4": "size",
  "6.7": "letters",
  "6.8": "letters",
  "6.9": "letters",
  "7.0": "policy",
  "7": "policy",
  "7.8": "login",
  "7.9": "login",
};

/** By the reply's own number, where it has no other. 550 says no more than no. */
const BASIC: Record<number, Complaint> = {
  530: "login",
  534: "login",
  535: "login",
  538: "login",
  552: "size",
};

/**
 * What a reply such as `553 5.1.7 …` to this command complains of; of one that says nothing the command decides. Pure.
 * @see RFC 3463, RFC 5321 4.2, RFC 6531
 */
export function complaintOf(reply: string, command: "MAIL FROM" | "RCPT TO"): Complaint {
  const [, code = "", subject = "", detail = ""] =
    /^(\d{3})(?:[ -]+\d\.(\d{1,3})\.(\d{1,3}))?/.exec(reply) ?? [];
  const basic = BASIC[Number(code)];
  if (basic) return basic;
  const known = ENHANCED[`${subject}.${detail}`] ?? ENHANCED[subject];
  // To MAIL FROM, a bad mailbox is the sender's.
  if (known && known !== "recipient") return known;
  return command === "MAIL FROM" ? "sender" : (known ?? "recipient");
}

/** What to do about it: a sentence. Pure. */
export function remedyOf(complaint: Complaint, step: string, user: string | undefined): string {
  const remedies: Record<Complaint, string> = {
    login:
      user === undefined
        ? "Log in: smtp.user, and pulumi config set --secret smtpPassword."
        : "Correct smtp.user, or set the password: pulumi config set --secret smtpPassword.",
    sender: `Correct ${step}.from: an address that the server knows and lets this login use.`,
    recipient: `Correct ${step}'s recipients.`,
    size: `Shorten the mail (${step}.template), or have the server take larger ones.`,
    letters: `Use addresses of ASCII letters in ${step}.from and for the recipients, or a server that takes others.`,
    policy:
      user === undefined
        ? `Correct ${step}.from, or log in (smtp.user).`
        : `Correct ${step}.from: the server may not let ${user} send as it.`,
  };
  return remedies[complaint];
}
