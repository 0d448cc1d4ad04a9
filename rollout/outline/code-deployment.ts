import type { Host } from "../../config/target.ts";
import { loggingHosts, propagation } from "../../steps/propagation.ts";
import { comparedOutputs, shadowComparison } from "../../steps/shadow-comparison.ts";
import { smokeTest } from "../../steps/smoke-test.ts";
import type { Step } from "../../steps/step.ts";
import {
  basisOf,
  closingRestart,
  flagOutline,
  openingRestart,
  releaseOutline,
  reviewOutline,
  soakOutline,
  suiteOutline,
  switchOutline,
} from "./release-outline.ts";
import { guardOutline, HOUR, type StepOutline } from "./step-outline.ts";

/** What of a host the step uses, so that another service there is no change of it. */
export const shadowHost = ([host]: readonly Host[]) =>
  host && {
    ...{ name: host.name, envFile: host.envFile, appDir: host.appDir },
    ...(host.envFileReader ? { envFileReader: host.envFileReader } : {}),
    ...(host.path ? { path: host.path } : {}),
    ...shadowUnit(host),
    ...shadowHealth(host),
  };

/** The service that an instance stands for. */
function shadowUnit({ services }: Host) {
  const web = services.filter(({ kind }) => kind === "web");
  const unit = (web.find(({ health }) => health) ?? web[0])?.unit;
  return unit === undefined ? {} : { unit };
}

/** A private instance says what it is where the web service does; nothing where that is the usual place. */
function shadowHealth({ services }: Host) {
  const web = services.find(({ kind, health }) => kind === "web" && health);
  const { pathname = "/health", search = "" } = web?.health ? new URL(web.health) : {};
  const [path, fields] = [pathname + search, web?.healthFields];
  return path === "/health" && !fields ? {} : { health: { path, ...(fields ? { fields } : {}) } };
}

/** What runs after the phase. */
const basis = basisOf("feature");

/**
 * Phase 2. The new release lies beside the old one until it is proven; then flag and release are switched and the
 * services restart. Restarts bracket: deletes run in reverse, so the opening one restarts after everything is back.
 * @see runbook 2.1-2.7
 */
export const codeDeployment: StepOutline[] = [
  guardOutline,
  reviewOutline({ from: "baseline", to: "feature", review: "review" }),
  openingRestart("baseline"),
  releaseOutline("feature"),
  suiteOutline({ name: "test-suite-on", of: "feature", flag: true }),
  suiteOutline({ name: "test-suite-off", of: "feature", flag: false }),
  {
    name: "shadow-comparison",
    step: shadowComparison as Step,
    deadlineSeconds: 4 * HOUR,
    fields: ({ change, shadow, outputs, releases, hosts, flagVariable }) => ({
      ...{ change, shadow, outputs: comparedOutputs(outputs), release: releases.feature },
      ...{ host: shadowHost(hosts), flagVariable },
    }),
  },
  switchOutline("baseline", "feature"),
  flagOutline(({ flag }) => flag),
  closingRestart(basis),
  {
    name: "smoke-test",
    step: smokeTest as Step,
    deadlineSeconds: HOUR,
    followsFlag: true,
    fields: (config) => ({
      ...{ change: config.change, app: config.app, smokeTest: config.smokeTest },
      basis: basis(config),
    }),
  },
  {
    name: "propagation",
    step: propagation as Step,
    deadlineSeconds: HOUR,
    followsFlag: true,
    fields: (config) => ({
      ...{
        hosts: loggingHosts(config.hosts),
        logs: config.deployment?.logs,
        logTimeZone: config.deployment?.logTimeZone,
        basis: basis(config),
      },
      ...{ column: config.change.column, allowed: config.smokeTest?.cases.map(({ type }) => type) },
    }),
  },
  soakOutline(({ soak }) => soak.codeDeploymentSeconds, basis),
];
