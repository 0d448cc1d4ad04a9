import { randomBytes } from "node:crypto";
import type { EngineLog } from "./engine-log.ts";
import { COMMAND_INPUTS, readInputs } from "./inputs.ts";
import { containsUnknown, type PropertyMap, reveal, sameValue, UNKNOWN } from "./property-value.ts";
import { type CommandOutputs, runCommand } from "./run-command.ts";

/** What every operation is given. */
export interface Operation {
  preview: boolean;
  log: EngineLog;
  signal: AbortSignal;
}

function readOutputs(state: PropertyMap): CommandOutputs {
  const { stdout, stderr, assets, archive } = reveal(state) as unknown as Partial<CommandOutputs>;
  return {
    stdout: stdout ?? "",
    stderr: stderr ?? "",
    ...(assets ? { assets } : {}),
    ...(archive ? { archive } : {}),
  };
}

/** State = the inputs as they came, secrets still wrapped, and the outputs. */
function toState(inputs: PropertyMap, outputs: CommandOutputs): PropertyMap {
  return { ...inputs, ...outputs };
}

/** Outputs that the run may change are unknown in a preview. */
function hideOutputs(state: PropertyMap): PropertyMap {
  const hidden = ["stdout", "stderr", "assets", "archive"].filter((key) => key in state);
  return { ...state, ...Object.fromEntries(hidden.map((key) => [key, UNKNOWN])) };
}

/** Runs `create`, if there is one. Nothing is stored when it fails. */
export async function createCommand(
  name: string,
  inputs: PropertyMap,
  operation: Operation,
): Promise<{ id: string; state: PropertyMap }> {
  const id = `${name}${randomBytes(4).toString("hex")}`;
  const none: CommandOutputs = { stdout: "", stderr: "" };
  if (operation.preview) return { id, state: hideOutputs(toState(inputs, none)) };
  const read = readInputs(inputs, COMMAND_INPUTS);
  if (read.create === undefined) return { id, state: toState(inputs, none) };
  const run = { command: read.create, inputs: read, previous: none, ...operation };
  return { id, state: toState(inputs, await runCommand(run)) };
}

/** A preview knows the old outputs to stay only if no input that the state holds differs. */
function mayChange(old: PropertyMap, inputs: PropertyMap): boolean {
  return Object.keys(COMMAND_INPUTS).some(
    (key) => containsUnknown(inputs[key]) || (key in old && !sameValue(old[key], inputs[key])),
  );
}

/** Runs `update`, or `create` where there is no `update`. When it fails, the old state stays. */
export async function updateCommand(
  old: PropertyMap,
  inputs: PropertyMap,
  operation: Operation,
): Promise<PropertyMap> {
  const previous = readOutputs(old);
  const kept = toState(inputs, previous);
  if (operation.preview) return mayChange(old, inputs) ? hideOutputs(kept) : kept;
  const read = readInputs(inputs, COMMAND_INPUTS);
  const command = read.update ?? read.create;
  if (command === undefined) return kept;
  return toState(inputs, await runCommand({ command, inputs: read, previous, ...operation }));
}

/** Runs `delete` with everything as the state has it: command, stdin, environment. */
export async function deleteCommand(state: PropertyMap, operation: Operation): Promise<void> {
  const read = readInputs(state, COMMAND_INPUTS);
  if (read.delete === undefined) return;
  await runCommand({ command: read.delete, inputs: read, previous: readOutputs(state), ...operation });
}
