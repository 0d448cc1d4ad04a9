import { join } from "node:path";
import { shellWord } from "../system/shell-word.ts";

/** What the machine has to run, and when. */
export interface AuditTask {
  stack: string;
  /** The checkout: an absolute path. */
  folder: string;
  /** Path of Node. */
  node: string;
  /** PATH of the process, as it is now: where pulumi and zstd are. */
  path: string;
  /** The user's folder, where Pulumi keeps who is logged in: systemd gives it to no service of its own. */
  home: string;
  environmentFile: string | undefined;
  due: Date;
}

/** Of the service and the timer, without their endings. */
export const unitName = (stack: string): string =>
  `deal-type-rollout-audit-${stack.replaceAll(/[^\w.-]/g, "_")}`;

/** A word as systemd reads it: quoted, its own escapes and specifiers doubled. */
const unitWord = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;

/** `2025-04-03 06:00:00 UTC`. */
const unitTime = (due: Date) => `${due.toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** The audit's command, word by word. */
export const auditWords = ({
  node,
  folder,
  stack,
}: Pick<AuditTask, "node" | "folder" | "stack">): string[] => [
  ...[node, join(folder, "bin/rollout.mjs")],
  ...["audit", "--stack", stack],
];

/** The two unit files by name. Pure. @see systemd.timer(5) */
export function unitFiles({
  stack,
  folder,
  node,
  path,
  home,
  environmentFile,
  due,
}: AuditTask): Record<string, string> {
  const name = unitName(stack);
  const service = [
    "[Unit]",
    `Description=Audit of the deal type rollout, stack ${stack.replaceAll("%", "%%")}`,
    "",
    "[Service]",
    "Type=oneshot",
    `WorkingDirectory=${folder.replaceAll("%", "%%")}`,
    `Environment=${unitWord(`PATH=${path}`)} ${unitWord(`HOME=${home}`)}`,
    // The dash: without the file Pulumi says itself what it lacks.
    ...(environmentFile === undefined ? [] : [`EnvironmentFile=-${environmentFile.replaceAll("%", "%%")}`]),
    `ExecStart=${auditWords({ node, folder, stack }).map(unitWord).join(" ")}`,
  ];
  const timer = [
    "[Unit]",
    `Description=When the deal type rollout is audited, stack ${stack.replaceAll("%", "%%")}`,
    "",
    "[Timer]",
    `OnCalendar=${unitTime(due)}`,
    // A machine that is off at the time runs it when it is on again.
    "Persistent=true",
    "",
    "[Install]",
    "WantedBy=timers.target",
  ];
  return { [`${name}.service`]: `${service.join("\n")}\n`, [`${name}.timer`]: `${timer.join("\n")}\n` };
}

/** The checkout that a service file works in; undefined where it does not say. Pure. */
export const folderOfUnit = (service: string): string | undefined =>
  /^WorkingDirectory=(.*)$/m.exec(service)?.[1]?.replaceAll("%%", "%");

/** What tells our line in a crontab from others. */
export const cronMark = ({ stack, folder }: Pick<AuditTask, "stack" | "folder">): string =>
  `# deal-type-rollout audit of ${stack} in ${folder}`;

/** What a shell runs for it in the checkout, with the file's variables. */
export function cronCommand(
  { stack, folder, node, path, environmentFile }: Omit<AuditTask, "due" | "home">,
  more: readonly string[] = [],
): string {
  const read = environmentFile === undefined ? "" : `set -a; . ${shellWord(environmentFile)}; set +a; `;
  const words = ["audit", "--stack", stack, ...more].map(shellWord).join(" ");
  return `cd ${shellWord(folder)} && { ${read}PATH=${shellWord(path)} ${shellWord(node)} bin/rollout.mjs ${words}; }`;
}

/**
 * The line of a crontab. Its times are the machine's own, and it knows no year: the line asks for that itself. Pure.
 */
export function cronLine({ due, ...task }: AuditTask): string {
  const time = [due.getMinutes(), due.getHours(), due.getDate(), due.getMonth() + 1, "*"].join(" ");
  const command = `[ "$(date +%Y)" = ${due.getFullYear()} ] && ${cronCommand(task)}`;
  // A bare percent sign is a line break to cron.
  return `${time} ${command.replaceAll("%", "\\%")} ${cronMark(task)}`;
}
