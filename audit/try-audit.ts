import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { parseSystemd } from "../hosts/systemd-parts.ts";
import { runProgram } from "../processes/child-process.ts";
import { lineEnd } from "../system/plain-line.ts";
import type { Way } from "./machine.ts";
import { type AuditTask, auditWords, cronCommand } from "./units.ts";

/** Pulumi asks a backend of the network. */
const TRY_MS = 120_000;
/** What Pulumi and its backends are told by variables. */
const TELLING = /^(?:PULUMI|AWS|AZURE|GOOGLE|ROLLOUT|PG)[A-Z_]*$/;

/** As systemd reads it: `export` is none of its words, and a # behind a value is a part of that. */
async function readFileOf(file: string): Promise<Record<string, string>> {
  const parts = parseSystemd(await readFile(file, "latin1"), { continuesComments: false });
  const pairs = parts.flatMap(({ assigns }) =>
    assigns && assigns.value !== null
      ? [[assigns.name, Buffer.from(assigns.value, "latin1").toString("utf8")]]
      : [],
  );
  return Object.fromEntries(pairs);
}

/** What is run, and with which variables: nothing of this shell's. */
async function attemptOf(
  way: Way,
  task: AuditTask,
): Promise<{ argv: string[]; environment: Record<string, string> }> {
  const { username, homedir } = userInfo();
  if (way.kind === "cron") {
    const environment = { HOME: homedir, LOGNAME: username, SHELL: "/bin/sh", PATH: "/usr/bin:/bin" };
    return { argv: ["/bin/sh", "-c", cronCommand(task, ["--check"])], environment };
  }
  const given = task.environmentFile === undefined ? {} : await readFileOf(task.environmentFile);
  return {
    argv: [...auditWords(task), "--check"],
    environment: { PATH: task.path, HOME: task.home, ...given },
  };
}

/**
 * Runs the audit's command now as the machine will later: in an environment that holds what the unit or the crontab line
 * gives it, and nothing else. It only checks whether it could look.
 * @returns why it could not, for a person; nothing when it could.
 */
export async function tryAudit(way: Way, task: AuditTask): Promise<string | undefined> {
  const { environmentFile, folder } = task;
  let attempt: Awaited<ReturnType<typeof attemptOf>>;
  try {
    attempt = await attemptOf(way, task);
  } catch (error) {
    return `${environmentFile} could not be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`;
  }
  const { argv, environment } = attempt;
  const outcome = await runProgram(argv, { environment, cwd: folder, timeoutMs: TRY_MS });
  if (outcome.exitCode === 0 && !outcome.failure) return undefined;
  const said =
    lineEnd(`${outcome.stdout} ${outcome.stderr}`) || outcome.failure || `exit code ${outcome.exitCode}`;
  const missing = Object.keys(process.env).filter((name) => TELLING.test(name) && !(name in environment));
  // The crontab's line reads its file itself.
  const here =
    way.kind === "cron" || missing.length === 0
      ? ""
      : `; set here and not there: ${missing.sort().join(", ")}`;
  return `${said}${here}`;
}
