import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { z } from "zod";
import type { Service } from "../config/target.ts";

const TIMEOUT_MS = 2_000;
const LARGEST_ANSWER = 65_536;

/** Asked this often per process until each has answered: a balancer may hand two requests to one of them. */
const TRIES_PER_PROCESS = 8;

/** What a process of the application says of itself. */
export const ProcessHealth = z.object({
  pid: z.int().min(1),
  release: z.string(),
  startedAt: z.string(),
  /** The flag as this process has it; null when its code knows none. */
  flag: z.boolean().nullable(),
  /** Whether it reaches its database; absent where it does not say. */
  database: z.string().optional(),
});
export type ProcessHealth = z.infer<typeof ProcessHealth>;

/** Most requests at a time. */
const AT_ONCE = 4;

/** Asks over a connection of its own: one that is kept open would reach the same process again. */
function askOnce(address: string, signal?: AbortSignal): Promise<ProcessHealth> {
  const url = new URL(address);
  const send = url.protocol === "https:" ? secureRequest : request;
  return new Promise((resolve, reject) => {
    const options = { agent: false, timeout: TIMEOUT_MS, ...(signal ? { signal } : {}) };
    const asked = send(url, options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("error", reject);
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > LARGEST_ANSWER) asked.destroy(new Error("an answer of more than 64 KiB"));
      });
      response.on("end", () => {
        try {
          resolve(ProcessHealth.parse(JSON.parse(body)));
        } catch {
          reject(new Error(`HTTP ${response.statusCode} without release, pid, startedAt and flag`));
        }
      });
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    asked.on("error", reject);
    asked.end();
  });
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ECONNREFUSED" ? "connection refused" : (code ?? message);
}

/** The processes of a service that have answered. */
export interface ServiceAnswer {
  /** By process number. */
  processes: ProcessHealth[];
  /** Why asking broke off. Without it, fewer processes than expected simply did not show up. */
  fault?: string;
}

type Asked = Pick<Service, "health" | "processes">;

/** Asks a service until each of its processes has answered once, or as often as is reasonable. Never throws. */
export function askService(service: Asked, signal?: AbortSignal): Promise<ServiceAnswer> {
  return askUntil(service, service.processes, signal);
}

/** As `askService`, but goes on asking when enough have answered: one process too many shows. Never throws. */
export function askThoroughly(service: Asked, signal?: AbortSignal): Promise<ServiceAnswer> {
  return askUntil(service, Number.POSITIVE_INFINITY, signal);
}

/**
 * How many to ask next. One at a time would always find the process that waits first, where the kernel wakes the last one
 * that slept; and where processes take turns, two who ask at the same time would each get the same one for ever.
 */
const burst = (processes: number) => 1 + Math.floor(Math.random() * Math.min(processes, AT_ONCE));

async function askUntil(
  { health, processes }: Asked,
  enough: number,
  signal?: AbortSignal,
): Promise<ServiceAnswer> {
  if (!health) return { processes: [] };
  const seen = new Map<number, ProcessHealth>();
  const answered = () => [...seen.values()].sort((a, b) => a.pid - b.pid);
  try {
    for (let tries = processes * TRIES_PER_PROCESS; tries > 0 && seen.size < enough; ) {
      const asked = Array.from({ length: Math.min(tries, burst(processes)) }, () => askOnce(health, signal));
      tries -= asked.length;
      await Promise.allSettled(asked);
      for (const answer of asked) {
        const said = await answer;
        seen.set(said.pid, said);
      }
    }
  } catch (error) {
    return { processes: answered(), fault: reasonOf(error) };
  }
  return { processes: answered() };
}
