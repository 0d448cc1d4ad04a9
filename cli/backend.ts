import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { toolchainEnvironment } from "../bin/toolchain.mjs";
import { StepError } from "../errors/step-error.ts";
import { DEFAULT_STACK, PROJECT_ROOT } from "./project.ts";

type Environment = Record<string, string | undefined>;

/** The backend that `pulumi login` chose; undefined where nobody logged in, or where that can't be read. */
function loggedIn({ PULUMI_CREDENTIALS_PATH: own, PULUMI_HOME: home }: Environment): string | undefined {
  const folder = own || home || join(homedir(), ".pulumi");
  try {
    return JSON.parse(readFileSync(join(folder, "credentials.json"), "utf8")).current || undefined;
  } catch {
    return undefined;
  }
}

/** Whether these settings say where Pulumi keeps its state. */
function hasBackend(environment: Environment): boolean {
  const { PULUMI_BACKEND_URL: url, PULUMI_ACCESS_TOKEN: token } = environment;
  return Boolean(url || token || /^\s*backend:/m.test(readProject()) || loggedIn(environment));
}

/** A team may name its backend in Pulumi.yaml. */
function readProject(): string {
  try {
    return readFileSync(join(PROJECT_ROOT, "Pulumi.yaml"), "utf8");
  } catch {
    return "";
  }
}

/**
 * Pulumi itself asks for a token of its cloud and for nothing else.
 * @throws {StepError} with the ways to choose one, where no backend was chosen for a stack that is not the sandbox.
 */
export function assertBackend(stack: string): void {
  if (stack === DEFAULT_STACK || hasBackend({ ...process.env, ...toolchainEnvironment({ stack }) })) return;
  throw new StepError(
    `rollout: stack ${stack} has no backend yet, the place where Pulumi keeps its state. Choose one:\n` +
      "  pulumi login                                  Pulumi Cloud (or set PULUMI_ACCESS_TOKEN)\n" +
      "  pulumi login file:///srv/rollout-state        a folder\n" +
      "  pulumi login s3://…, azblob://…, gs://…       a bucket\n" +
      `Then: pulumi stack init ${stack}. In this shell, \`npx rollout pulumi login …\` does the same.`,
  );
}
