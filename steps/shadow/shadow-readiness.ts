import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import type { ShadowSection } from "../../config/shadow.ts";
import { StepError } from "../../errors/step-error.ts";
import type { HostReader } from "../../hosts/host-shell.ts";
import { childEnvironment } from "../../processes/child-process.ts";
import { isInstalled } from "../../processes/installed-program.ts";
import type { ShadowComparisonSpec } from "../shadow-comparison.ts";
import { instanceCommand } from "./shadow-instance.ts";
import { writtenPlaces } from "./shadow-scratch.ts";
import { hostVariables } from "./shadow-variables.ts";

/** A spec that nothing is missing of. */
export type ReadySpec = ShadowComparisonSpec & { shadow: ShadowSection };

function configBlockers({ shadow, change, outputs }: ShadowComparisonSpec): string[] {
  if (!shadow) {
    return [
      "shadow-comparison: expected shadow in the stack config, got none. Say how the new release is started: docs/code-deployment-checks.md.",
    ];
  }
  const names = outputs.requests.map(({ name }) => name);
  const rules = Object.entries(shadow.rules).flatMap(([type, list]) =>
    list === "identical" ? [] : list.map((rule) => ({ type, ...rule })),
  );
  const lost = rules.filter(({ request }) => request !== undefined && !names.includes(request));
  const missing = change.allowed.filter((type) => !Object.hasOwn(shadow.rules, type));
  return [
    ...missing.map(
      (type) =>
        `shadow-comparison: expected rules for every value of change.allowed, got none for ${type}. Add shadow.rules.${type}: identical, or a list of rules.`,
    ),
    ...lost.map(
      ({ type, request }) =>
        `shadow-comparison: expected a rule of ${type} to name one of outputs.requests (${names.join(", ")}), got ${request}. Correct shadow.rules.${type}.`,
    ),
    ...[...shadow.inherit, ...(outputs.tokenVariable ? [outputs.tokenVariable] : [])]
      .filter((name) => process.env[name] === undefined)
      .map(
        (name) =>
          `shadow-comparison: expected the variable ${name} in the environment, got none. Set it, or remove it from the stack config.`,
      ),
  ];
}

/** Why who reads the environment file reads nothing of it. */
async function refusedBy({ host, flagVariable }: ReadySpec, reader: HostReader): Promise<string[]> {
  try {
    await hostVariables(host, flagVariable, reader);
    return [];
  } catch (error) {
    if (error instanceof StepError) return [error.message];
    throw error;
  }
}

/** What is missing on this machine. A program within the release is looked for once that is installed. */
async function machineBlockers(spec: ReadySpec, installed: boolean, reader: HostReader): Promise<string[]> {
  const { cwd, program } = instanceCommand(spec);
  const { envFile } = spec.host;
  const readable = await access(envFile, constants.R_OK).then(
    () => true,
    () => false,
  );
  const faults = readable
    ? await refusedBy(spec, reader)
    : [
        `shadow-comparison: expected to read ${envFile}, got no readable file. Correct envFile of ${spec.host.name}, or run as who may read it.`,
      ];
  const there = (await stat(cwd).catch(() => undefined))?.isDirectory() ?? false;
  if (installed && !there) {
    return [
      ...faults,
      `shadow-comparison: expected the folder ${cwd} to run in, got none. Correct shadow.cwd, or run \`up\` again: it installs the release.`,
    ];
  }
  if (
    !installed &&
    !there &&
    program.includes("/") &&
    (!isAbsolute(program) || program.includes(spec.release))
  )
    return faults;
  const place = { environment: childEnvironment(), ...(there ? { cwd } : {}) };
  return (await isInstalled(program, place))
    ? faults
    : [
        ...faults,
        `shadow-comparison: expected the program ${program} to be there, got none. Install it, or correct shadow.command.`,
      ];
}

/** What a person should know before: where the instances could write into what production has. */
export async function shadowNotes(
  { shadow, host, flagVariable }: ShadowComparisonSpec,
  reader: HostReader,
): Promise<string[]> {
  const own = shadow && (await hostVariables(host, flagVariable, reader).catch(() => undefined));
  if (!shadow || own === undefined) return [];
  const names = await writtenPlaces(own, shadow.scratchVariables);
  return names.length === 0
    ? []
    : [
        `the instances could write where ${names.join(", ")} of ${host.envFile} says, beside the running application: shadow.scratchVariables gives them places of their own`,
      ];
}

/**
 * What keeps the comparison from starting.
 * @param installed whether the release has to be in its folder by now
 */
export async function shadowBlockers(
  spec: ShadowComparisonSpec,
  installed: boolean,
  reader: HostReader,
): Promise<string[]> {
  const blockers = configBlockers(spec);
  const { shadow } = spec;
  return shadow
    ? [...blockers, ...(await machineBlockers({ ...spec, shadow }, installed, reader))]
    : blockers;
}
