import { readFileSync } from "node:fs";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

// The program of tests/airgap: declares what commands.json lists. Marks in it stand for what JSON cannot say:
// {$secret: value}, {$stdout: name of another Command}, {$asset: text}. `$run` as name calls local.run.

const declared = new Map();

function resolve(value) {
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== "object" || value === null) return value;
  if ("$secret" in value) return pulumi.secret(resolve(value.$secret));
  if ("$stdout" in value) return declared.get(value.$stdout).stdout;
  if ("$asset" in value) return new pulumi.asset.StringAsset(value.$asset);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
}

export default async () => {
  const outputs = {};
  for (const { name, args, options } of JSON.parse(readFileSync("commands.json", "utf8"))) {
    if (name.startsWith("$run")) outputs[name] = command.local.runOutput(resolve(args));
    else {
      const made = new command.local.Command(name, resolve(args), resolve(options));
      declared.set(name, made);
      outputs[name] = made.stdout;
    }
  }
  return outputs;
};
