import pluginProto from "@pulumi/pulumi/proto/plugin_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { answering } from "../answering.ts";
import { diffInputs } from "./detailed-diff.ts";
import { COMMAND_INPUTS, checkInputs } from "./inputs.ts";
import { COMMAND, requireKnown } from "./known-tokens.ts";
import { packageSchema } from "./schema.ts";
import { resourceType, toDiffResponse, toFailures, toMap, toStruct } from "./wire.ts";

/** The version of the official provider whose behaviour this one has. */
const VERSION = "1.2.1";

/** The methods that run nothing: what the plugin is, what is valid, what changed. */
export const descriptions = {
  getPluginInfo: answering(() => new pluginProto.PluginInfo().setVersion(VERSION)),
  getSchema: answering(() =>
    new provider.GetSchemaResponse().setSchema(JSON.stringify(packageSchema(VERSION))),
  ),
  attach: answering(() => new empty.Empty()),
  checkConfig: answering((request: provider.CheckRequest) =>
    new provider.CheckResponse().setInputs(request.getNews()),
  ),
  diffConfig: answering(() => toDiffResponse(new Map())),
  configure: answering(() =>
    new provider.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true).setAcceptresources(true),
  ),
  check: answering((request: provider.CheckRequest) => {
    requireKnown(resourceType(request.getUrn()), COMMAND);
    const inputs = toMap(request.getNews());
    return new provider.CheckResponse()
      .setInputs(toStruct(inputs))
      .setFailuresList(toFailures(checkInputs(inputs, COMMAND_INPUTS)));
  }),
  diff: answering((request: provider.DiffRequest) =>
    toDiffResponse(
      diffInputs({
        oldInputs: toMap(request.getOldInputs()),
        newInputs: toMap(request.getNews()),
        state: toMap(request.getOlds()),
        ignored: request.getIgnorechangesList(),
      }),
    ),
  ),
  // There is nothing to look at: what a command left behind is known to its author only.
  read: answering((request: provider.ReadRequest) =>
    new provider.ReadResponse()
      .setId(request.getId())
      .setInputs(request.getInputs())
      .setProperties(request.getProperties()),
  ),
};
