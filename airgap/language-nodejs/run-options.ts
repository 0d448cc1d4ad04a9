/** `runtime.options` of Pulumi.yaml, as far as running a program goes. */
export interface RunOptions {
  /** Let Pulumi's own loader compile TypeScript (slow). Defaults to true, as in the official language host. */
  typescript: boolean;
  tsconfig?: string;
  /** Arguments for node itself, split as a shell would. */
  nodeargs: string[];
}

/** Splits a line into words: quotes keep words together, a backslash takes the next character as it is. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gs;
  for (const [word] of line.matchAll(pattern)) {
    words.push(
      word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, (_, single, double, escaped) =>
        single !== undefined ? single : double !== undefined ? double.replace(/\\(["\\])/g, "$1") : escaped,
      ),
    );
  }
  return words;
}

function expectType<T>(
  options: Record<string, unknown>,
  key: string,
  type: "string" | "boolean",
): T | undefined {
  const value = options[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) {
    const seen = JSON.stringify(value);
    throw new Error(
      `Pulumi.yaml: expected a ${type} for runtime.options.${key}, got ${seen}. Correct runtime.options.${key}.`,
    );
  }
  return value as T;
}

/** @throws an error that names the option when one has the wrong type. */
export function readRunOptions(options: Record<string, unknown>): RunOptions {
  const tsconfig = expectType<string>(options, "tsconfig", "string");
  return {
    typescript: expectType<boolean>(options, "typescript", "boolean") ?? true,
    ...(tsconfig === undefined ? {} : { tsconfig }),
    nodeargs: splitWords(expectType<string>(options, "nodeargs", "string") ?? ""),
  };
}
