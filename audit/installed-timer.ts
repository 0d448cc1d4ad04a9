import { basename } from "node:path";
import { z } from "zod";
import { shellWord } from "../system/shell-word.ts";
import { Installed } from "./installation.ts";

/** A timer of the audit on a machine. */
export const InstalledTimer = z.object({
  how: z.enum(["systemd-system", "systemd-user", "cron", "files", "said"]),
  /** The machine that runs it. */
  machine: z.string(),
  /** Unit files, or the line of the crontab; empty where it was only said. */
  installed: z.array(Installed),
});
export type InstalledTimer = z.infer<typeof InstalledTimer>;

/** Of the newest run and those before it: every timer that the attempt has installed. Pure. */
export const timersOf = <T extends InstalledTimer & { left?: InstalledTimer[] }>(result: T | undefined) =>
  result ? [...(result.left ?? []), result] : [];

/** Files among the reports, and what was only said, run nothing. */
export const runsThere = ({ how }: InstalledTimer): boolean => how !== "files" && how !== "said";

/** What a person types on its machine to take it off, where something was installed. Pure. */
export function commandsOf({ how, installed }: InstalledTimer): string {
  if (how === "cron")
    return "crontab -e, and remove the line that ends with `# deal-type-rollout audit of …`";
  const files = installed.map(({ place }) => place);
  const timers = files.filter((file) => file.endsWith(".timer")).map((file) => basename(file));
  const remove = `rm -f ${files.map(shellWord).join(" ")}`;
  const disable = `disable --now ${timers.map(shellWord).join(" ")}`;
  if (how === "systemd-system") return `sudo systemctl ${disable}; sudo ${remove}`;
  return how === "systemd-user" ? `systemctl --user ${disable}; ${remove}` : remove;
}

/** That it stays where it is and runs, and how it is taken off; one line. Pure. */
export function staysThere(timer: InstalledTimer): string {
  return `the audit's timer stays on ${timer.machine}. To take it off there: ${commandsOf(timer)}`;
}

/** Those of earlier runs that are on other machines, where nobody looks from here: one for each. Pure. */
export function elsewhere(timers: readonly InstalledTimer[], machine: string): InstalledTimer[] {
  const byMachine = new Map(timers.filter(runsThere).map((timer) => [timer.machine, timer]));
  byMachine.delete(machine);
  return [...byMachine.values()].map(({ how, machine, installed }) => ({ how, machine, installed }));
}
