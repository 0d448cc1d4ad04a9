import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { basename, extname, isAbsolute, join } from "node:path";

/** What programs keep in the user's own folders when nobody says where; made for each instance. */
const OWN_FOLDERS: Record<string, string> = {
  HOME: "home",
  TMPDIR: "tmp",
  XDG_CACHE_HOME: "home/.cache",
  XDG_CONFIG_HOME: "home/.config",
  XDG_DATA_HOME: "home/.local/share",
  XDG_STATE_HOME: "home/.local/state",
  XDG_RUNTIME_DIR: "run",
};

/** The folders of its user and of the system, as an instance gets them unless its own environment says another. */
export async function ownFolders(scratch: string): Promise<Record<string, string>> {
  const folders = Object.entries(OWN_FOLDERS).map(([name, folder]) => [name, join(scratch, folder)] as const);
  for (const [, folder] of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
  return Object.fromEntries(folders);
}

/**
 * For each of the variables a place in the scratch folder: a folder, or a file in one where the variable named a file,
 * so that the instance writes beside nothing of production's.
 */
export async function scratchVariables(
  names: readonly string[],
  environment: Record<string, string>,
  scratch: string,
): Promise<Record<string, string>> {
  const places: Record<string, string> = {};
  for (const name of names) {
    const before = environment[name] ?? "";
    const folder = join(scratch, "variables", name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const isFile = (await stat(before).catch(() => undefined))?.isFile() ?? extname(before) !== "";
    places[name] = isFile ? join(folder, basename(before)) : folder;
  }
  return places;
}

const WRITTEN =
  /(?:^|_)(?:LOGS?|DATA|UPLOADS?|MEDIA|CACHE|TMP|TEMP|PID|SOCKET|STATE|RUN|SPOOL|STORAGE|WORK)_?(?:DIR|DIRECTORY|FOLDER|PATH|FILE|ROOT)$/i;

/** Variables of the environment by which an instance could write into a place that is there already: production's. */
export async function writtenPlaces(
  environment: Record<string, string | undefined>,
  moved: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const [name, value = ""] of Object.entries(environment)) {
    if (!WRITTEN.test(name) || moved.includes(name) || !isAbsolute(value)) continue;
    const writable = await access(value, constants.W_OK).then(
      () => true,
      () => false,
    );
    if (writable) found.push(name);
  }
  return found;
}
