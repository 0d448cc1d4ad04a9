import type { BaseSpec } from "../../steps/step.ts";
import { capturePulumi } from "../pulumi.ts";

const untold = (stack: string, why: string) => [
  `Pulumi's state does not know of it yet (${why}). The flag is proven all the same; when there is time:`,
  `  npx rollout up --stack ${stack}`,
];

/**
 * Pulumi's state follows: the Commands of just these steps find them done and return what is stored. Whatever else the
 * config asks for by now is left to an `up` that somebody looks at.
 * @returns what a person has to know.
 */
export async function tellEngine(
  stack: string,
  { specs, databaseUrl }: { specs: BaseSpec[]; databaseUrl: string | undefined },
): Promise<string[]> {
  // The whole program would look at the database first.
  if (databaseUrl === undefined) return untold(stack, "the database does not answer");
  const targets = specs.flatMap(({ identity }) => ["--target", `**::${identity.phase}-${identity.step}`]);
  const args = ["up", "--yes", "--skip-preview", "--suppress-outputs", ...targets];
  const { exitCode, stdout } = await capturePulumi(args, { stack });
  if (exitCode === 0) return [];
  const reason = stdout.split("\n").find((line) => /^\s*(error:|- )/.test(line));
  return untold(stack, reason?.trim() ?? "Pulumi did not say why");
}
