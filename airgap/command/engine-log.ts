import grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineProto from "@pulumi/pulumi/proto/engine_pb.js";
import { UNLIMITED } from "../plugin-server.ts";

/** Lines on their way to the engine before the command has to wait. */
const MOST_UNDER_WAY = 256;

/** Shows lines beside a resource while its command runs; the engine masks the secrets it knows in them. */
export interface EngineLog {
  write(line: string): void;
  /** Resolves when there is room again: a command must not print faster than the engine takes. */
  drained(): Promise<void>;
  /** Resolves when the engine has every line. */
  finished(): Promise<void>;
}

/** Opens the connection to the engine; without an address (a plugin started by hand) lines go nowhere. */
export function connectEngineLog(address: string | undefined): (urn: string) => EngineLog {
  const client = address
    ? new engineGrpc.EngineClient(address, grpc.credentials.createInsecure(), UNLIMITED)
    : undefined;
  return (urn) => {
    let sent = Promise.resolve();
    let underWay = 0;
    const send = (line: string) =>
      new Promise<void>((resolve) => {
        const request = new engineProto.LogRequest();
        request.setSeverity(engineProto.LogSeverity.INFO);
        request.setMessage(line);
        request.setUrn(urn);
        request.setEphemeral(true);
        // A line that cannot be delivered is no reason to fail the command: it is in the output all the same.
        client?.log(request, () => resolve());
        if (!client) resolve();
      });
    return {
      write(line) {
        underWay += 1;
        // One after the other: the engine shows lines in the order in which they arrive.
        sent = sent
          .then(() => send(line))
          .then(() => {
            underWay -= 1;
          });
      },
      drained: () => (underWay > MOST_UNDER_WAY ? sent : Promise.resolve()),
      finished: () => sent,
    };
  };
}
