import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { StepError } from "../errors/step-error.ts";
import { writeJson } from "../system/durable-file.ts";
import { checkoutId, type SandboxPaths } from "./paths.ts";

const Ports = z.record(z.string(), z.int().min(1024).max(65535));
export type Ports = z.infer<typeof Ports>;

// Below the range from which systems take the local ports of outgoing connections (32768 and up): a port in
// there may be in use for a moment just when the sandbox starts again.
const FIRST = 20_000;
const SPAN = 12_000;

/** True when nobody listens on this loopback port. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

export function portsFile(paths: SandboxPaths): string {
  return join(paths.folder, "ports.json");
}

/**
 * The ports of this checkout by purpose, the same at every start. Ones not chosen yet are free ones, sought
 * from a place that depends on the checkout, so that two checkouts started at once do not meet.
 */
export async function choosePorts(paths: SandboxPaths, purposes: string[]): Promise<Ports> {
  const file = portsFile(paths);
  const ports = existsSync(file) ? readPorts(file) : {};
  let candidate = Number.parseInt(checkoutId(paths.checkout), 16) % SPAN;
  for (const purpose of purposes.filter((name) => ports[name] === undefined)) {
    do candidate = (candidate + 1) % SPAN;
    while (Object.values(ports).includes(FIRST + candidate) || !(await isPortFree(FIRST + candidate)));
    ports[purpose] = FIRST + candidate;
  }
  writeJson(file, ports);
  return ports;
}

function readPorts(file: string): Ports {
  try {
    return Ports.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new StepError(
      `sandbox: expected port numbers from 1024 to 65535 by purpose in ${file}, got something else. ` +
        "Mend it, or remove it and run `npx rollout sandbox up` again: free ports are chosen.",
      { cause },
    );
  }
}

/** @throws {StepError} naming the port, what it is for and what to do, when somebody else listens there. */
export async function requireFree(paths: SandboxPaths, purpose: string, port: number): Promise<void> {
  if (await isPortFree(port)) return;
  throw new StepError(
    `sandbox: expected port ${port} on 127.0.0.1 to be free for ${purpose}, got a program that listens there. ` +
      `End that program, or remove ${portsFile(paths)} and run \`npx rollout sandbox up\` again: free ports are chosen.`,
  );
}
