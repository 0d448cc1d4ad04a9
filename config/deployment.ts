import { z } from "zod";
import { Argv } from "./argv.ts";
import { TimeZone } from "./window.ts";

/** How services are restarted so that they run another release or flag. */
export const RestartSection = z.strictObject({
  maxUnavailable: z
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .meta({ unit: "hosts", description: "Hosts restarted at the same time, once the first one is well." }),
  timeoutSeconds: z.int().min(1).max(3600).default(60).meta({
    unit: "s",
    description: "Time in which every process of a host has to say the wanted release and flag.",
  }),
  stableSeconds: z.int().min(1).max(600).default(3).meta({
    unit: "s",
    description:
      "Time that a service has to run without being started again until it counts as proven. Longer than a broken process lives.",
  }),
  zeroFailures: z
    .boolean()
    .default(true)
    .describe("Refuse a restart that would fail requests: a web service needs a socket or drain commands."),
  drain: Argv.optional().describe("Run on the host before its services restart: it takes no new requests."),
  undrain: Argv.optional().describe("Run on the host once it is well again: it takes requests."),
  drainTimeoutSeconds: z.int().min(1).max(86_400).default(240).meta({
    unit: "s",
    description: "Time that drain and undrain may take each, such as until the last request has its answer.",
  }),
});
export type RestartSection = z.infer<typeof RestartSection>;

/** What a person looks at before new code is deployed. @see runbook 2.1 */
const CODE_POINTS = [
  "every changed behaviour asks for the flag",
  "with the flag off the old behaviour is kept",
  "old clients and old data go on working",
];

/** What a person looks at before a new interface is. @see runbook 3.1 */
const INTERFACE_POINTS = [
  "the deal type field is required",
  "its default value is acquisition",
  "editing keeps what existing deals have",
  "a help text explains each deal type",
];

/** What a person looks at before the flag is gone. @see runbook 4.4 */
const PERMANENT_POINTS = [
  "the flag's old branch is removed, and nothing else",
  "nothing outside the application still sets or reads the flag",
];

const reviewSection = ({ gate, points }: { gate: number; points: string[] }) =>
  z
    .strictObject({
      files: z
        .array(z.string().min(1).max(1000))
        .default(["**"])
        .describe(`Globs of the files that the new release may change; any other stops phase ${gate}.`),
      points: z
        .array(z.string().min(1).max(200))
        .default(points)
        .describe(
          `What a person has to look at; gate ${gate} needs each of them ticked: \`rollout checklist\`.`,
        ),
      knownVariables: z
        .array(z.string().min(1).max(128))
        .default([])
        .describe("Environment variables whose names resemble flagVariable but that are something else."),
    })
    .prefault({});

/** How phase 2 and later bring a release to the hosts. */
export const DeploymentSection = z.strictObject({
  repository: z
    .string()
    .regex(/^[^-\s]\S*$/, "a URL or path that git can fetch from")
    .refine(
      (url) => !/^[a-z+]+:\/\/[^/@]*:[^/@]*@/i.test(url),
      "a URL without a password, which git gets from a credential helper",
    )
    .describe("Git repository of the application; a relative path starts at the project's root."),
  install: Argv.optional().describe(
    "Run on each host in the new release's folder, before anything uses it: its dependencies. {release} = its commit.",
  ),
  keep: z
    .int()
    .min(1)
    .max(50)
    .default(3)
    .meta({ unit: "releases", description: "Releases that stay on a host beside the one that runs." }),
  flagBackend: z
    .enum(["env-file", "systemd-drop-in"])
    .default("env-file")
    .describe("Where the flag is written: the line of the host's envFile, or a drop-in of each unit."),
  restart: RestartSection.prefault({}).describe("How services are restarted."),
  review: reviewSection({ gate: 2, points: CODE_POINTS }).describe(
    "What is expected of the commits between the baseline and the feature release.",
  ),
  interfaceReview: reviewSection({ gate: 3, points: INTERFACE_POINTS }).describe(
    "What is expected of the commits between the feature and the interface release.",
  ),
  permanentReview: reviewSection({ gate: 4, points: PERMANENT_POINTS }).describe(
    "What is expected of the commits between the interface and the permanent release.",
  ),
  logs: z
    .array(
      z
        .string()
        .regex(
          /^(?:(?:\/|\{appDir\})\S*|journal:[A-Za-z0-9:_.@-]{1,200})$/,
          "an absolute path, one that begins with {appDir}, or journal:<unit>",
        ),
    )
    .default([])
    .describe(
      "Logs of the application on each host, in which values of the column are counted: files ({appDir} = the host's), or the journal of a unit, `journal:web.service`.",
    ),
  logTimeZone: TimeZone.optional().describe(
    "Zone of the times in the logs that name none, e.g. Europe/Berlin. By default the host's own.",
  ),
  logMark: z
    .string()
    .max(200)
    .regex(/^[^\r\n]*\{key\}[^\r\n]*$/, "a text of one line that holds {key}")
    .default("deal_id={key}")
    .describe("What tells the log lines of one deal, for `rollout investigate`; {key} = the deal's key."),
});
export type DeploymentSection = z.infer<typeof DeploymentSection>;

const soakSeconds = (hours: number, description: string) =>
  z
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(hours * 3600)
    .meta({ unit: "s", description });

/** How long a phase has to run before the next one may begin. */
export const SoakSection = z.strictObject({
  codeDeploymentSeconds: soakSeconds(24, "After phase 2, with the flag on."),
  interfaceSeconds: soakSeconds(48, "After phase 3, with users at the new interface."),
});
export type SoakSection = z.infer<typeof SoakSection>;
