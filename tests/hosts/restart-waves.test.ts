import { deepEqual, equal } from "node:assert/strict";
import type { RestartSection } from "../../config/deployment.ts";
import type { Host, Service } from "../../config/target.ts";
import { planWaves, restartGaps } from "../../hosts/restart-waves.ts";
import { parseSpan, restartLimitMs } from "../../hosts/service-units.ts";

function host(name: string, services: Partial<Service>[] = []): Host {
  const full = services.map((service) => ({ unit: "web", kind: "web" as const, processes: 1, ...service }));
  return { name, appDir: "/srv/app", envFile: "/srv/env", services: full };
}

describe("waves", () => {
  for (const [count, maxUnavailable, waves] of [
    [1, 1, ["1"]],
    [3, 1, ["1", "2", "3"]],
    [6, 2, ["1", "2 3", "4 5", "6"]],
    [4, 9, ["1", "2 3 4"]],
    [0, 2, []],
  ] as const)
    it(`of ${count} hosts, ${maxUnavailable} at a time, begin with one alone: ${waves.join(", then ")}`, () => {
      const hosts = Array.from({ length: count }, (_, index) => host(String(index + 1)));
      deepEqual(
        planWaves(hosts, maxUnavailable).map((wave) => wave.map(({ name }) => name).join(" ")),
        waves,
      );
    });
});

describe("a restart without failed requests", () => {
  const rules: RestartSection = {
    maxUnavailable: 1,
    timeoutSeconds: 1,
    stableSeconds: 1,
    zeroFailures: true,
    drainTimeoutSeconds: 1,
  };
  const [drain, undrain] = [["drain"], ["undrain"]];
  for (const [what, services, more, gaps] of [
    ["is one behind a socket", [{ socket: "web.socket" }], {}, 0],
    ["is one with drain and undrain", [{}], { drain, undrain }, 0],
    ["is any of a worker", [{ kind: "worker" as const }], {}, 0],
    ["is none without both", [{}], {}, 1],
    ["is none with drain alone", [{}], { drain }, 1],
    ["counts each web service", [{}, { unit: "admin" }, { unit: "api", socket: "s" }], {}, 2],
  ] as const)
    it(what, () =>
      equal(restartGaps([host("h", [...services])], { ...rules, ...more } as RestartSection).length, gaps),
    );
});

describe("the time in which a host's units restart", () => {
  for (const [text, seconds] of [
    ["10s", 10],
    ["1min 30s", 90],
    ["1h 5min", 3900],
    ["1.5s", 1.5],
    ["500ms", 0.5],
    ["infinity", Number.POSITIVE_INFINITY],
    ["", undefined],
    ["soon", undefined],
    ["3 parsecs", undefined],
  ] as const)
    it(`goes by what systemd says of a stop: ${JSON.stringify(text)} is ${seconds} s`, () =>
      equal(parseSpan(text), seconds));

  for (const [what, units, seconds] of [
    ["is each unit's own stop, and the configured time for its start", [10, 600], 730],
    ["takes systemd's default where a unit does not say", [undefined], 150],
    ["is the step's deadline where a unit is never killed", [Number.POSITIVE_INFINITY, 10], 86_400],
  ] as const)
    it(what, () => {
      const states = units.map((stop) => (stop === undefined ? {} : { stopSeconds: stop }));
      equal(restartLimitMs(states, { timeoutSeconds: 60 }), seconds * 1000);
    });
});
