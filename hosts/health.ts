import { request } from "node:http";
import { request as secureRequest } from "node:https";
import type { Service } from "../config/target.ts";
import { type ProcessHealth, type RawAnswer, readAnswer } from "./health-answer.ts";

const TIMEOUT_MS = 2_000;
const LARGEST_ANSWER = 65_536;

/** Asked this often per process until each has answered: a balancer may hand two requests to one of them. */
const TRIES_PER_PROCESS = 8;

/** Most requests at a time. */
const AT_ONCE = 4;

/** It answered, and not with what is asked for. */
class AnswerFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Asks over a connection of its own: one that is kept open would reach the same process again. */
function askOnce(address: string, signal?: AbortSignal): Promise<RawAnswer> {
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
        const { statusCode: status = 0, headers } = response;
        resolve({ status, contentType: (headers["content-type"] ?? "").slice(0, 60), body });
      });
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    asked.on("error", reject);
    asked.end();
  });
}

async function askProcess({ health, healthFields }: Asked, signal?: AbortSignal): Promise<ProcessHealth> {
  const raw = await askOnce(health as string, signal);
  const read = readAnswer(raw, healthFields);
  if ("said" in read) return read.said;
  throw new AnswerFault(raw.status, read.fault);
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ECONNREFUSED" ? "connection refused" : (code ?? message);
}

/** The address as it may be shown: without a password in it. */
export function showAddress(address = ""): string {
  return address.replace(/^(https?:\/\/)[^/?#]*@/, "$1");
}

/** A process that says who it is. */
export type NamedHealth = ProcessHealth & { pid: number };

/** The processes of a service that have answered. */
export interface ServiceAnswer {
  /** By process number. */
  processes: NamedHealth[];
  /** Answers that do not tell whose they are; alike ones once. */
  unnamed: ProcessHealth[];
  /** Why asking broke off. Without it, fewer processes than expected simply did not show up. */
  fault?: string;
  /** Status of an answer that broke it off: something does answer there. */
  status?: number;
}

type Asked = Pick<Service, "health" | "healthFields" | "processes">;

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

async function askUntil(service: Asked, enough: number, signal?: AbortSignal): Promise<ServiceAnswer> {
  const { health, processes } = service;
  if (!health) return { processes: [], unnamed: [] };
  const seen = new Map<number, NamedHealth>();
  const unnamed = new Map<string, ProcessHealth>();
  const answered = () => ({
    processes: [...seen.values()].sort((a, b) => a.pid - b.pid),
    unnamed: [...unnamed.values()],
  });
  try {
    for (let tries = processes * TRIES_PER_PROCESS; tries > 0 && seen.size < enough; ) {
      const asked = Array.from({ length: Math.min(tries, burst(processes)) }, () =>
        askProcess(service, signal),
      );
      tries -= asked.length;
      await Promise.allSettled(asked);
      for (const answer of asked) {
        const said = await answer;
        if (said.pid === undefined) unnamed.set(JSON.stringify(said), said);
        else seen.set(said.pid, { ...said, pid: said.pid });
      }
    }
  } catch (error) {
    const status = error instanceof AnswerFault ? { status: error.status } : {};
    return { ...answered(), fault: reasonOf(error), ...status };
  }
  return answered();
}
