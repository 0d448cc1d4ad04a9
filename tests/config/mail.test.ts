import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { mailSecrets } from "../../mail/secrets.ts";
import { interfaceRollout } from "../../phases/interface-rollout.ts";
import { planSteps } from "../../rollout/plan.ts";
import { validValues } from "./valid-values.ts";

const SERVER = { host: "mail.example.com" };
const TO = { recipients: { addresses: ["ada@example.com"] } };
const load = (changed: Record<string, unknown>, secrets?: string[]) =>
  loadConfig({
    values: validValues(changed),
    stack: "prod",
    sandbox: () => undefined,
    ...(secrets ? { secrets } : {}),
  });

function faultsOf(changed: Record<string, unknown>, secrets?: string[]): readonly string[] {
  try {
    load(changed, secrets);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe("mail in the config", () => {
  it("takes addresses of any domain, and none whose domain would be cut off on the way", () => {
    const fault = (from: string) => faultsOf({ smtp: SERVER, notice: { from } }).join();
    for (const from of ["a@bücher.example", "o/a%b@example.com", "a@[192.0.2.1]", "a@[IPv6:::1]"])
      equal(/notice\.from/.test(fault(from)), false, from);
    for (const from of ["a@ü/x.example", "a@ü#x", "a@ü?x", "a@ü%41.example", "a@ü:25"])
      match(fault(from), /an e-mail address/, from);
  });

  it("is encrypted, logs in to nothing and repeats nothing unless it is told to", () => {
    const { security, onUnknown, user, allowInsecure, port } = load({ smtp: SERVER }).smtp ?? {};
    deepEqual([security, onUnknown, user, allowInsecure, port], ["starttls", "skip", undefined, false, 587]);
  });

  const rows: [string, Record<string, unknown>, RegExp][] = [
    [
      "a server elsewhere without encryption",
      { smtp: { ...SERVER, security: "none" } },
      /expected starttls or tls for mail\.example\.com \(or smtp\.allowInsecure, .* for smtp\.security in Pulumi\.prod\.yaml, got "none"/,
    ],
    [
      "a user without the password",
      { smtp: { ...SERVER, user: "rollout" } },
      /expected the secret password of smtp\.user for smtpPassword .* got nothing\. Set it: pulumi config set --secret smtpPassword --stack prod/,
    ],
    [
      "a password of nobody",
      { smtp: SERVER, smtpPassword: "canary-mail" },
      /the name that smtpPassword belongs to for smtp\.user/,
    ],
    [
      "an announcement without a server",
      { announcement: { ...TO, smtp: true } },
      /expected the mail server .* for smtp in/,
    ],
    [
      "a notice to nobody",
      { smtp: SERVER, notice: { smtp: true } },
      /at least one address, since notice\.smtp is true/,
    ],
    [
      "recipients from nowhere",
      { announcement: { recipients: {} } },
      /exactly one of addresses, file and query .*, got "none"/,
    ],
    [
      "recipients from two places",
      { announcement: { recipients: { file: "a", query: "b" } } },
      /exactly one of addresses, file and query .*, got "file and query"/,
    ],
    [
      "a column without a file",
      { announcement: { recipients: { query: "a", column: "b" } } },
      /no column without a file/,
    ],
    [
      "a pattern that is none",
      { documentation: { files: [{ path: "a", mentions: [{ pattern: "(" }] }] } },
      /a regular expression/,
    ],
    [
      "a path out of the repository",
      { documentation: { files: [{ path: "../a" }] } },
      /a path in the application's repository/,
    ],
  ];
  for (const [what, changed, message] of rows) {
    it(`refuses ${what}`, () => {
      const faults = faultsOf(changed);
      equal(faults.length, 1, faults.join("\n"));
      match(faults[0] ?? "", message);
      doesNotMatch(faults.join("\n"), /canary/);
    });
  }

  it("allows a server on this machine without encryption, and one elsewhere where that is asked for", () => {
    for (const host of ["127.0.0.1", "localhost", "::1"])
      deepEqual(faultsOf({ smtp: { host, security: "none" } }), []);
    deepEqual(faultsOf({ smtp: { ...SERVER, security: "none", allowInsecure: true } }), []);
  });

  it("refuses a password in plain text, and does not show it", () => {
    const [fault = ""] = faultsOf({ smtp: { ...SERVER, user: "rollout" }, smtpPassword: "canary-mail" }, [
      "databaseUrl",
    ]);
    match(fault, /expected smtpPassword to be kept as a secret, got plain text in Pulumi\.prod\.yaml/);
    doesNotMatch(fault, /canary/);
  });

  it("keeps password and addresses out of every spec: they are handed over in the environment", () => {
    const config = load({
      ...{ smtp: { ...SERVER, user: "rollout" }, smtpPassword: "canary-mail" },
      ...{ announcement: { ...TO, smtp: true }, notice: { to: ["bob@example.com"], smtp: true } },
    });
    const [first] = planSteps(config);
    const row = interfaceRollout.rows.find(({ step }) => step.sendsMail);
    ok(first && row);
    const { specVersion, identity, generation, deadlineSeconds } = first.spec;
    const spec = row.planSpec(config, { specVersion, identity, generation, deadlineSeconds }, []);
    doesNotMatch(JSON.stringify([...planSteps(config), spec]), /canary|ada@|bob@/);
    deepEqual(mailSecrets(config), {
      password: "canary-mail",
      addresses: { notice: ["bob@example.com"], announcement: ["ada@example.com"] },
    });
  });
});
