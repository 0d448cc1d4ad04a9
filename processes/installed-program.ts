import { access, constants, stat } from "node:fs/promises";
import { delimiter, resolve } from "node:path";

/** Where a command is to run. */
export interface RunPlace {
  /** The command's whole environment: its PATH is searched. */
  environment: Record<string, string>;
  /** What a path that is not absolute starts from; default is this process's own folder. */
  cwd?: string | undefined;
}

async function isProgram(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Path of the program that the first word of a command names, by the rules of a shell: a word with a slash is a path, any
 * other is looked for on PATH. Without a process: previews ask this of every command, each time.
 */
export async function findProgram(
  program: string,
  { environment, cwd = "." }: RunPlace,
): Promise<string | undefined> {
  if (program === "") return undefined;
  const folders = program.includes("/") ? [""] : (environment.PATH?.split(delimiter) ?? []);
  const paths = folders.map((folder) => resolve(cwd, folder, program));
  const found = await Promise.all(paths.map(isProgram));
  return paths[found.indexOf(true)];
}

/** Whether it is there. */
export const isInstalled = async (program: string, place: RunPlace): Promise<boolean> =>
  (await findProgram(program, place)) !== undefined;
