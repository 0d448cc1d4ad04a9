import { mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

export type Fields = Record<string, string | number | null | undefined>;

/** Writes one line per event: time, level, message, fields. */
export interface Log {
  info(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/**
 * app.log gets every line, error.log the errors. Opened for appending, so that several processes share them, and
 * written at once: a process that ends or is killed has lost no line of what it did.
 */
export function openLog(folder: string): Log {
  mkdirSync(folder, { recursive: true });
  const app = openSync(join(folder, "app.log"), "a");
  const errors = openSync(join(folder, "error.log"), "a");
  return {
    info: (message, fields) => void writeSync(app, formatLine("INFO", message, fields)),
    error: (message, fields) => {
      const line = formatLine("ERROR", message, fields);
      writeSync(app, line);
      writeSync(errors, line);
    },
  };
}

/** `2025-01-01T00:00:00.000Z INFO deal created deal_id=7 deal_type=none`. Odd values are quoted: one event, one line. */
export function formatLine(level: string, message: string, fields: Fields = {}): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${formatValue(value ?? "none")}`);
  return `${new Date().toISOString()} ${level} ${message}${pairs.join("")}\n`;
}

function formatValue(value: string | number): string {
  const text = String(value);
  return /^[\w.:-]+$/.test(text) ? text : JSON.stringify(text);
}
