import { z } from "zod";
import { MalformedConnection, readConnectionWords } from "../postgres/connection-words.ts";
import { HealthFields } from "./health-fields.ts";

const AbsolutePath = z.string().regex(/^\/[^\0\n]*$/, "an absolute path");
const HttpUrl = z.string().regex(/^https?:\/\/[^\s/]+\S*$/, "a URL http://… or https://…");

const UnitName = z.string().regex(/^[A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,199}$/, "a systemd unit's name");
/** systemctl knows a template by its instances alone, and only a service has processes and an environment. */
const ServiceName = z
  .string()
  .regex(
    /^(?!.*@(?:\.service)?$)(?!.*\.(?:socket|target|timer|path|slice|scope|mount|automount|swap|device)$)[A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,199}$/,
    "a systemd service's name, of a template with its instance (app@1)",
  );

/** One service of a host: a systemd unit and how its processes are asked what they run. */
export const Service = z.strictObject({
  unit: ServiceName.describe("Unit as systemctl knows it, of a template with its instance (app@1)."),
  kind: z.enum(["web", "worker"]).describe("web answers requests, worker takes jobs."),
  processes: z.int().min(1).max(1000).default(1).meta({
    unit: "processes",
    description: "How many processes answer: status and proofs ask until each has said its release and flag.",
  }),
  health: HttpUrl.optional().describe(
    "Address where the processes say release, pid, start time and flag (docs/health.md). Without it they are proven by what the host tells of them: weaker.",
  ),
  healthFields: HealthFields.optional().describe("Under which names the answer at `health` has these."),
  socket: UnitName.optional().describe(
    "Socket unit that keeps the listening socket while the service restarts: no connection is refused.",
  ),
});
export type Service = z.infer<typeof Service>;

/** One machine that runs the application. */
export const Host = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/, "a host name")
    .describe("Name of the host in messages and evidence; unique."),
  connection: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("SSH connection. Without it the host is this machine. (Remote hosts are not built yet.)"),
  path: AbsolutePath.optional().describe(
    "Folder that comes first on PATH of what runs on the host, for a `systemctl` or `git` of its own.",
  ),
  appDir: AbsolutePath.describe("Folder with `releases/` and `current`."),
  envFile: AbsolutePath.describe("Environment file that holds the flag."),
  envFileReader: z
    .enum(["systemd", "dotenv"])
    .optional()
    .describe(
      "Who reads envFile: systemd, or the application by python-dotenv's load_dotenv. Without it systemd is asked which units have it as EnvironmentFile=.",
    ),
  services: z.array(Service).min(1).describe("Services that have to run one release and one flag value."),
});
export type Host = z.infer<typeof Host>;

/**
 * What of a host matters to who works in its folder alone. Whatever else is given is left out: another health address is
 * no change of the release there.
 */
export const HostFolder = Host.pick({ name: true, connection: true, path: true, appDir: true }).strip();
export type HostFolder = z.infer<typeof HostFolder>;

/** The application's own address. */
export const AppSection = z.strictObject({
  url: HttpUrl.describe("Base address of the application; `/health` below it answers."),
});

/** Connection string of the target database, always a secret. */
export const DatabaseUrl = z
  .string()
  .superRefine((text, context) => {
    const fault = connectionFault(text);
    if (fault) context.addIssue({ code: "custom", message: fault });
  })
  .meta({
    secret: true,
    example: "postgres://user:password@host:5432/database",
    description:
      "Connection string of the target database, as the owner of the table. Direct, not through a pooler.",
  });

/** What is wrong with the connection string, without a word of its secret; undefined when nothing is. */
function connectionFault(text: string): string | undefined {
  try {
    readConnectionWords(text);
    return undefined;
  } catch (error) {
    const form = "a URL postgres://user:password@host:port/database, special characters percent-encoded";
    if (error instanceof MalformedConnection || !(error instanceof Error)) return form;
    return `a connection string that can be obeyed (${error.message.replace(/^postgres: |\.$/g, "")})`;
  }
}
