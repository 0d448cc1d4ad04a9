import { StepError } from "../errors/step-error.ts";
import { Timings } from "./timings.ts";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface StartOptions extends StackOption {
  timings: boolean;
}

/** `rollout start`, behind `npm start`: the whole rollout in the sandbox, as far as it is built. */
export const startVerb: Verb<StartOptions> = {
  command: "start",
  describe: "Start the sandbox and roll out in it as far as this release is built",
  example: ["rollout start --timings", "with each second accounted for"],
  builder: (yargs) =>
    yargs.option("timings", {
      type: "boolean",
      default: false,
      describe: "Say at the end where the time went",
    }),
  async run({ stack, timings: shown }) {
    if (stack !== "sandbox") {
      throw new StepError(
        `start: expected the stack sandbox, got ${stack}. For a real stack: pulumi config set phase 0 --stack ${stack}, then pulumi up`,
      );
    }
    const timings = new Timings(process.env.ROLLOUT_TIMINGS);
    try {
      const { runStart } = await timings.time("load", () => import("./start/run-start.ts"));
      await runStart(stack, timings);
    } finally {
      if (shown) printLines(["", ...timings.render()]);
    }
    return 0;
  },
};
