import type grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { answering } from "../answering.ts";
import type { Plugin } from "../plugin-server.ts";
import { descriptions } from "./descriptions.ts";
import { connectEngineLog } from "./engine-log.ts";
import { executions } from "./executions.ts";
import { Operations } from "./operations.ts";

/** The `command` provider, local part. */
export function createCommandProvider(engine: string | undefined): Plugin {
  const operations = new Operations();
  const cancel = () => {
    operations.cancel();
    return new empty.Empty();
  };
  return {
    register: (server) =>
      server.addService(providerGrpc.ResourceProviderService, {
        ...descriptions,
        ...executions(operations, connectEngineLog(engine)),
        cancel: answering(cancel),
      } as unknown as grpc.UntypedServiceImplementation),
    stop: () => operations.cancel(),
    busy: () => operations.busy,
  };
}
