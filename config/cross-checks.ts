import { resolve } from "node:path";
import { flowFaults } from "./browser-flows.ts";
import { type FaultContext, faultLine } from "./fault.ts";
import { mailLines } from "./mail-checks.ts";
import { phaseTitle } from "./phase.ts";
import type { Settings } from "./schema.ts";

/** Rules between keys. Works on what could be parsed, so that one fault does not hide another. */
export function crossCheckLines(context: FaultContext, settings: Partial<Settings>): string[] {
  return [
    ...flagLines(context, settings),
    ...releaseLines(context, settings),
    ...hostLines(context, settings),
    ...storeLines(context, settings),
    ...windowLines(context, settings),
    ...maintenanceLines(context, settings),
    ...sectionLines(context, settings),
    ...mailLines(context, settings),
    ...browserLines(context, settings),
  ];
}

function flagLines({ file, stack }: FaultContext, { flag, phase }: Partial<Settings>): string[] {
  if (flag !== false || phase !== 4) return [];
  return [
    `config: expected flag true at phase 4 in ${file}, where the flag is gone from the code, got false. ` +
      `Lower to 3 first: pulumi config set phase 3 --stack ${stack}`,
  ];
}

function releaseLines(context: FaultContext, { releases }: Partial<Settings>): string[] {
  const seen = new Map<string, string>();
  return Object.entries(releases ?? {}).flatMap(([name, sha]) => {
    const earlier = seen.get(sha);
    seen.set(sha, earlier ?? name);
    return earlier
      ? [faultLine(context, ["releases", name], `another commit than releases.${earlier}`, sha)]
      : [];
  });
}

function hostLines(context: FaultContext, { hosts = [] }: Partial<Settings>): string[] {
  const doubled = <T>(list: T[], index: number, name: (entry: T) => string) =>
    list.findIndex((other) => name(other) === name(list[index] as T)) < index;
  return hosts.flatMap((host, index) => [
    ...(doubled(hosts, index, (entry) => entry.name)
      ? [faultLine(context, ["hosts", index, "name"], "a name no other host has", host.name)]
      : []),
    ...host.services.flatMap((service, at) =>
      doubled(host.services, at, (entry) => entry.unit)
        ? [
            faultLine(
              context,
              ["hosts", index, "services", at, "unit"],
              "each unit once on a host",
              service.unit,
            ),
          ]
        : [],
    ),
  ]);
}

function storeLines(context: FaultContext, { backup, evidence }: Partial<Settings>): string[] {
  if (!backup || !evidence) return [];
  const folder = (url: string) => resolve(url.replace(/^file:(\/\/)?/, ""));
  return folder(backup.url) === folder(evidence.url)
    ? [faultLine(context, ["backup", "url"], "another folder than evidence.url", backup.url)]
    : [];
}

function windowLines(context: FaultContext, { window }: Partial<Settings>): string[] {
  if (!window || window.from !== window.to) return [];
  const expected = 'another time than window.from ("24:00" for the whole day)';
  return [faultLine(context, ["window", "to"], expected, window.to)];
}

function maintenanceLines(context: FaultContext, { migration }: Partial<Settings>): string[] {
  if (migration?.strategy !== "maintenance") return [];
  const { maintenance, appTriggers } = migration;
  if (!maintenance) {
    const expected = "the commands that stop and start the writers, which strategy maintenance needs,";
    return [faultLine(context, ["migration", "maintenance"], expected, undefined)];
  }
  if (!maintenance.upgrade || appTriggers === "refuse") return [];
  // What triggers make of the command's writes is in no journal of ours, and silencing them is not ours to ask of it.
  const expected = "refuse, since migration.maintenance.upgrade makes the change,";
  return [faultLine(context, ["migration", "appTriggers"], expected, appTriggers)];
}

function browserLines(context: FaultContext, { browserChecklist, smokeTest }: Partial<Settings>): string[] {
  if (!browserChecklist) return [];
  const faults = flowFaults(browserChecklist).map(({ path, expected, value }) =>
    faultLine(context, ["browserChecklist", ...path], expected, value),
  );
  if (smokeTest?.marker.prefix !== browserChecklist.markerPrefix) return faults;
  const expected = "another prefix than smokeTest.marker.prefix, whose step would remove these deals,";
  const path = ["browserChecklist", "markerPrefix"];
  return [...faults, faultLine(context, path, expected, browserChecklist.markerPrefix)];
}

/** Sections that are needed from a phase on, with the page that tells of them. */
const NEEDED_FROM = [
  { phase: 2, page: "code-deployment.md", keys: ["deployment", "testSuite", "shadow", "smokeTest"] },
  { phase: 3, page: "interface-rollout.md", keys: ["browserChecklist", "documentation", "announcement"] },
  { phase: 4, page: "validation.md", keys: ["regression"] },
] as const;

function sectionLines({ file }: FaultContext, settings: Partial<Settings>): string[] {
  const { phase = 0 } = settings;
  return NEEDED_FROM.filter((needed) => needed.phase <= phase).flatMap(({ phase: from, page, keys }) =>
    keys
      .filter((key) => settings[key] === undefined)
      .map(
        (key) =>
          `config: expected ${key} in ${file} for ${phaseTitle(from)}, got none. ` +
          `Add it as in Pulumi.staging.yaml (docs/${page}).`,
      ),
  );
}

/** What the configuration may name but this release does not build: refused by name, never faked. */
export function unbuiltLines({ file, stack }: FaultContext, settings: Partial<Settings>): string[] {
  const { hosts = [], backup, evidence } = settings;
  const lines: string[] = [];
  const refuse = (what: string, remedy: string) =>
    lines.push(`config: ${what} in ${file} is not built yet. ${remedy}`);
  const set = (key: string, value: string) =>
    `Set it: pulumi config set --path ${key} ${value} --stack ${stack}`;
  hosts.forEach((host, index) => {
    if (host.connection) {
      refuse(
        `the remote connection of host ${host.name}`,
        `Remove it: pulumi config rm --path 'hosts[${index}].connection' --stack ${stack}`,
      );
    }
  });
  for (const [name, store] of Object.entries({ backup, evidence })) {
    if (store?.url.startsWith("s3:")) {
      refuse(
        `an s3: URL (${name}.url)`,
        set(`${name}.url`, `file:${name === "backup" ? "backups" : name}/${stack}`),
      );
    }
  }
  return lines;
}
