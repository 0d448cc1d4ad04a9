import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Drift } from "../steps/step.ts";
import { writeDurably } from "../system/durable-file.ts";
import { sha256Of } from "../system/sha256.ts";
import {
  disableTimer,
  enableTimer,
  isTimerEnabled,
  readCrontab,
  reloadUnits,
  type Way,
  writeCrontab,
} from "./machine.ts";
import { type AuditTask, cronLine, cronMark, folderOfUnit, unitFiles, unitName } from "./units.ts";

type Place = Exclude<Way, { kind: "none" }> | { kind: "files"; folder: string };

const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);

/** A unit of that name that another checkout put there; its folder. */
export function foreignUnit(
  place: Place,
  { stack, folder }: Pick<AuditTask, "stack" | "folder">,
): string | undefined {
  if (place.kind !== "systemd") return undefined;
  const service = read(join(place.folder, `${unitName(stack)}.service`));
  const owner = service === undefined ? undefined : (folderOfUnit(service) ?? "nobody we know");
  return owner === folder ? undefined : owner;
}

/** A file or a line as it was installed. */
export const Installed = z.object({
  /** The file, or `crontab`. */
  place: z.string(),
  sha256: z.string(),
});
export type Installed = z.infer<typeof Installed>;

/** Puts the task where it belongs. Idempotent. @returns what is there now. */
export async function install(place: Place, task: AuditTask): Promise<Installed[]> {
  if (place.kind === "cron") {
    const line = cronLine(task);
    const others = (await readCrontab()).filter((other) => !other.endsWith(cronMark(task)));
    await writeCrontab([...others, line]);
    return [{ place: "crontab", sha256: sha256Of(line) }];
  }
  await mkdir(place.folder, { recursive: true });
  const files = unitFiles(task);
  for (const [name, text] of Object.entries(files)) writeDurably(join(place.folder, name), text);
  if (place.kind === "systemd") await enableTimer(place.scope, `${unitName(task.stack)}.timer`);
  return Object.entries(files).map(([name, text]) => ({
    place: join(place.folder, name),
    sha256: sha256Of(text),
  }));
}

type OwnTask = Pick<AuditTask, "stack" | "folder">;

async function textAt(installed: Installed, task: OwnTask): Promise<string | undefined> {
  if (installed.place !== "crontab") return read(installed.place);
  return (await readCrontab()).find((line) => line.endsWith(cronMark(task)));
}

/** How what is there differs from what was installed. */
export async function findInstallDrift(
  place: Place,
  installed: readonly Installed[],
  task: OwnTask,
): Promise<Drift[]> {
  const drift: Drift[] = [];
  for (const one of installed) {
    const text = await textAt(one, task);
    if (text !== undefined && sha256Of(text) === one.sha256) continue;
    drift.push({ expected: `${one.place} as installed`, observed: text === undefined ? "none" : "another" });
  }
  if (drift.length > 0 || place.kind !== "systemd") return drift;
  const timer = `${unitName(task.stack)}.timer`;
  if (await isTimerEnabled(place.scope, timer)) return [];
  return [{ expected: `${timer} enabled`, observed: "not enabled" }];
}

/** Takes away what `install` left, also of one that broke off; another checkout's units stay. @returns what went. */
export async function uninstall(place: Place, task: OwnTask): Promise<string[]> {
  if (place.kind === "cron") {
    const lines = await readCrontab();
    const others = lines.filter((line) => !line.endsWith(cronMark(task)));
    if (others.length < lines.length) await writeCrontab(others);
    return lines.filter((line) => !others.includes(line));
  }
  if (foreignUnit(place, task) !== undefined) return [];
  const name = unitName(task.stack);
  const files = [`${name}.timer`, `${name}.service`]
    .map((file) => join(place.folder, file))
    .filter(existsSync);
  if (files.length === 0) return [];
  const scope = place.kind === "systemd" ? place.scope : undefined;
  if (scope && files.some((file) => file.endsWith(".timer"))) await disableTimer(scope, `${name}.timer`);
  for (const file of files) await rm(file, { force: true });
  if (scope) await reloadUnits(scope);
  return files;
}
