import { COMMAND_INPUTS, RUN_INPUTS } from "./inputs.ts";

const TYPES: Record<string, object> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  strings: { type: "array", items: { type: "string" } },
  "string map": { type: "object", additionalProperties: { type: "string" } },
  list: { type: "array", items: { $ref: "pulumi.json#/Any" } },
};

const OUTPUTS = {
  stdout: { type: "string" },
  stderr: { type: "string" },
  assets: { type: "object", additionalProperties: { $ref: "pulumi.json#/Asset" } },
  archive: { $ref: "pulumi.json#/Archive" },
};

function properties(inputs: Record<string, string>): Record<string, object> {
  return Object.fromEntries(Object.entries(inputs).map(([name, type]) => [name, { ...TYPES[type] }]));
}

/** What `pulumi package get-schema` shows: the resource and the function that this plugin serves. */
export function packageSchema(version: string): object {
  const command = properties(COMMAND_INPUTS);
  const run = properties(RUN_INPUTS);
  const required = ["stdout", "stderr"];
  return {
    name: "command",
    version,
    resources: {
      "command:local:Command": {
        inputProperties: { ...command, triggers: { ...command.triggers, replaceOnChanges: true } },
        properties: { ...command, ...OUTPUTS },
        required,
      },
    },
    functions: {
      "command:local:run": {
        inputs: { properties: run, required: ["command"] },
        outputs: { properties: { ...run, ...OUTPUTS }, required: ["command", ...required] },
      },
    },
  };
}
