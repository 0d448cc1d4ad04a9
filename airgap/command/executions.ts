import provider from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { answering } from "../answering.ts";
import type { EngineLog } from "./engine-log.ts";
import { checkInputs, RUN_INPUTS, readInputs } from "./inputs.ts";
import { RUN, requireKnown } from "./known-tokens.ts";
import { createCommand, deleteCommand, updateCommand } from "./local-command.ts";
import type { Operations } from "./operations.ts";
import type { PropertyMap } from "./property-value.ts";
import { type CommandOutputs, runCommand } from "./run-command.ts";
import { resourceName, toFailures, toMap, toStruct } from "./wire.ts";

/** Opens the log of one resource. */
type OpenLog = (urn: string) => EngineLog;

function create(operations: Operations, log: OpenLog) {
  return answering((request: provider.CreateRequest) =>
    operations.run(request.getTimeout(), async (signal) => {
      const operation = { preview: request.getPreview(), log: log(request.getUrn()), signal };
      const name = resourceName(request.getUrn());
      const { id, state } = await createCommand(name, toMap(request.getProperties()), operation);
      return new provider.CreateResponse().setId(id).setProperties(toStruct(state));
    }),
  );
}

/** New inputs, but for those that `ignoreChanges` keeps as the state has them. */
function wantedInputs(request: provider.UpdateRequest): PropertyMap {
  const olds = toMap(request.getOlds());
  const kept = request.getIgnorechangesList().filter((key) => key in olds);
  return { ...toMap(request.getNews()), ...Object.fromEntries(kept.map((key) => [key, olds[key] ?? null])) };
}

function update(operations: Operations, log: OpenLog) {
  return answering((request: provider.UpdateRequest) =>
    operations.run(request.getTimeout(), async (signal) => {
      const operation = { preview: request.getPreview(), log: log(request.getUrn()), signal };
      const state = await updateCommand(toMap(request.getOlds()), wantedInputs(request), operation);
      return new provider.UpdateResponse().setProperties(toStruct(state));
    }),
  );
}

function remove(operations: Operations, log: OpenLog) {
  return answering((request: provider.DeleteRequest) =>
    operations.run(request.getTimeout(), async (signal) => {
      const operation = { preview: false, log: log(request.getUrn()), signal };
      await deleteCommand(toMap(request.getProperties()), operation);
      return new empty.Empty();
    }),
  );
}

/** `local.run`: runs in previews as well, that is what the function is for. */
function invoke(operations: Operations, log: OpenLog) {
  return answering((request: provider.InvokeRequest) =>
    operations.run(0, async (signal) => {
      requireKnown(request.getTok(), RUN);
      const args = toMap(request.getArgs());
      const missing =
        "command" in args ? [] : [{ property: "command", reason: "expected a string, got nothing" }];
      const failures = [...checkInputs(args, RUN_INPUTS), ...missing];
      const response = new provider.InvokeResponse().setFailuresList(toFailures(failures));
      if (failures.length > 0) return response;
      const inputs = readInputs(args, RUN_INPUTS);
      const previous: CommandOutputs = { stdout: "", stderr: "" };
      const run = { command: inputs.command ?? "", inputs, previous, log: log(""), signal };
      return response.setReturn(toStruct({ ...args, ...(await runCommand(run)) }));
    }),
  );
}

/** The methods that run commands. */
export function executions(operations: Operations, log: OpenLog) {
  return {
    create: create(operations, log),
    update: update(operations, log),
    delete: remove(operations, log),
    invoke: invoke(operations, log),
  };
}
