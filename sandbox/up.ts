import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StepError } from "../errors/step-error.ts";
import {
  BALANCER_PURPOSE,
  type BalancerPlan,
  requireBalancerStartable,
  startBalancer,
  stopBalancer,
} from "./balancer/service.ts";
import { withSandboxLock } from "./command-lock.ts";
import { dropDatabase, ensureDatabase } from "./database/database.ts";
import { DEFAULT_DEALS } from "./database/seed.ts";
import { startServer, stopServer } from "./database/server.ts";
import { removeSandbox, type Sandbox, writeSandbox } from "./description.ts";
import {
  describeHost,
  HOST_NAMES,
  type HostPlan,
  planHosts,
  webPurpose,
  workerPurpose,
} from "./host/host.ts";
import { prepareHost } from "./host/host-folder.ts";
import { isHostRunning, requireStartable, startHost, stopHost } from "./host/service.ts";
import { claimFolder, PROJECT_ROOT, type SandboxPaths, sandboxPaths } from "./paths.ts";
import { choosePorts } from "./ports.ts";
import { ensureRepository } from "./releases/repository.ts";

export interface SandboxOptions {
  /** Receives one line per thing that is done; nothing is said of what is done already. */
  log(line: string): void;
  /** Root of the checkout whose sandbox is meant; by default the one that this file belongs to. */
  checkout?: string;
}

export interface SeedChoice {
  /** Number of deals to seed, 1 to 20,000,000; 20,000 by default. */
  deals?: number;
  /** Plants a few deals with spellings that no rule maps. */
  unmapped?: boolean;
}

const MAX_DEALS = 20_000_000;

/**
 * Starts the sandbox: database (seeded when it is new), releases, app. What runs is left alone, what has died
 * is started again; a database that is there keeps its rows, whatever `deals` says.
 * @throws {StepError} before anything is started, when a port is taken or an option is out of range.
 */
export async function sandboxUp({
  log,
  checkout = PROJECT_ROOT,
  ...seed
}: SandboxOptions & SeedChoice): Promise<Sandbox> {
  const choice = checkSeed(seed);
  return changeSandbox(sandboxPaths(checkout), log, (paths) => bringUp(paths, choice, log));
}

/** Claims the folder and keeps other commands off while `work` changes what is in it. */
function changeSandbox<T>(
  paths: SandboxPaths,
  log: (line: string) => void,
  work: (paths: SandboxPaths) => Promise<T>,
): Promise<T> {
  claimFolder(paths);
  return withSandboxLock(paths, log, () => work(paths));
}

/** Stops all that `sandboxUp` started. Data, releases, ports and log files stay for the next start. */
export async function sandboxDown({ log, checkout = PROJECT_ROOT }: SandboxOptions): Promise<void> {
  const paths = sandboxPaths(checkout);
  if (!existsSync(paths.folder)) return;
  await changeSandbox(paths, log, async () => {
    await stopHosts(paths, log);
    await stopServer(paths, log);
    removeSandbox(checkout);
  });
}

/**
 * The sandbox as on its first day, running: another database with a new seed, the first release, no flag.
 * Everything that was in it is lost.
 */
export async function sandboxReset({
  log,
  checkout = PROJECT_ROOT,
  ...seed
}: SandboxOptions & SeedChoice): Promise<Sandbox> {
  const choice = checkSeed(seed);
  return changeSandbox(sandboxPaths(checkout), log, async (paths) => {
    await planStart(paths);
    await stopHosts(paths, log);
    const server = await startServer(paths, log);
    log("dropping the sandbox's database");
    await dropDatabase(paths, server);
    rmSync(paths.hosts, { recursive: true, force: true });
    return bringUp(paths, choice, log);
  });
}

async function bringUp(
  paths: SandboxPaths,
  seed: Required<SeedChoice>,
  log: (line: string) => void,
): Promise<Sandbox> {
  const { hosts, balancer } = await planStart(paths);
  const server = await startServer(paths, log);
  const urls = await ensureDatabase(paths, server, seed, log);
  const { baseline } = await ensureRepository(paths.repository);
  await Promise.all([
    startBalancer(balancer, log),
    ...hosts.map((host) => bringHostUp(paths.repository, host, baseline, urls.app, log)),
  ]);
  const sandbox: Sandbox = {
    version: 1,
    database: urls.owner,
    app: `http://127.0.0.1:${balancer.port}`,
    repository: paths.repository,
    hosts: hosts.map(describeHost),
  };
  writeSandbox(paths.checkout, sandbox);
  return sandbox;
}

/** What is to run. Ports are looked at before anything is started, stopped or dropped. */
async function planStart(paths: SandboxPaths): Promise<{ hosts: HostPlan[]; balancer: BalancerPlan }> {
  const purposes = HOST_NAMES.flatMap((name) => [webPurpose(name), workerPurpose(name)]);
  const ports = await choosePorts(paths, ["postgres", BALANCER_PURPOSE, ...purposes]);
  const hosts = planHosts(paths, ports);
  const port = ports[BALANCER_PURPOSE] ?? 0;
  await requireBalancerStartable(paths, port);
  for (const host of hosts) await requireStartable(paths, host);
  const urls = HOST_NAMES.map((name) => `http://127.0.0.1:${ports[webPurpose(name)]}`);
  return { hosts, balancer: { folder: paths.balancer, port, urls } };
}

async function bringHostUp(
  repository: string,
  plan: HostPlan,
  release: string,
  databaseUrl: string,
  log: (line: string) => void,
): Promise<void> {
  const changed = await prepareHost(plan, repository, release, databaseUrl);
  if (isHostRunning(plan)) {
    if (!changed) return;
    await stopHost(plan);
  }
  log(
    `starting the app on ${plan.name}: ${plan.units.map(({ unit, processes }) => `${unit} × ${processes}`).join(", ")}`,
  );
  await startHost(plan);
}

/** The balancer first: what it has in hand is still answered. */
async function stopHosts(paths: SandboxPaths, log: (line: string) => void): Promise<void> {
  await stopBalancer(paths, log);
  const started = planHosts(paths, {}).filter(({ folder }) => existsSync(join(folder, "processes.json")));
  for (const { name } of started) log(`stopping the app on ${name}`);
  await Promise.all(started.map(stopHost));
}

function checkSeed({ deals = DEFAULT_DEALS, unmapped = false }: SeedChoice): Required<SeedChoice> {
  if (Number.isInteger(deals) && deals >= 1 && deals <= MAX_DEALS) return { deals, unmapped };
  throw new StepError(
    `sandbox: expected a whole number from 1 to ${MAX_DEALS} for --deals, got ${deals}. ` +
      `Leave it out for ${DEFAULT_DEALS}.`,
  );
}
