import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** A place in a module, as a frame of a stack names it. */
const PLACE = /(file:\/\/[^\s()]+\.mjs):(\d+):(\d+)/g;

/**
 * The frames of a stack with lines of the sources, where they name lines of the bundle (bin/typescript.mjs).
 *
 * The bundle does not name its source map: Pulumi's runner looks up each line of each stack in the map, and its SDK
 * takes a stack of every resource and every promise, shown or not. Here the map is read once an error is kept.
 */
export function inSources(frames: readonly string[]): string[] {
  const maps = new Map<string, SourceMap | undefined>();
  return frames.map((frame) =>
    frame.replace(PLACE, (place, module: string, line: string, column: string) => {
      if (!maps.has(module)) maps.set(module, readMap(module));
      const origin = maps.get(module)?.findOrigin(Number(line), Number(column));
      if (!origin || !("fileName" in origin)) return place;
      const source = new URL(origin.fileName, module);
      return `${fileURLToPath(source)}:${origin.lineNumber}:${origin.columnNumber}`;
    }),
  );
}

/** The map beside a module; undefined where it has none. */
function readMap(module: string): SourceMap | undefined {
  const path = `${fileURLToPath(module)}.map`;
  return existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, "utf8"))) : undefined;
}
