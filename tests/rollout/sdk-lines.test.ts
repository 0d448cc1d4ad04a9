import assert from "node:assert/strict";
import grpc from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { dropUnheardLines } from "../../rollout/sdk-lines.ts";

describe("debug lines of Pulumi's SDK", () => {
  const log: { debug: typeof pulumi.log.debug } = pulumi.log;
  const { debug } = log;
  const server = new grpc.Server();
  const heard: string[] = [];

  before(async () => {
    const answer = ({ request }: { request: LogRequest }, reply: (error: null, value: unknown) => void) => {
      heard.push(request.getMessage());
      reply(null, new empty.Empty());
    };
    server.addService(engineGrpc.EngineService as never, { log: answer } as never);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    pulumi.runtime.resetOptions("project", "stack", 1, `127.0.0.1:${port}`, "", true, "");
  });

  beforeEach(() => {
    heard.length = 0;
  });

  afterEach(() => {
    log.debug = debug;
  });

  after(() => {
    pulumi.runtime.resetOptions("", "", 1, "", "", false, "");
    server.forceShutdown();
  });

  it("cost no call of the engine, and all other lines still reach it", async () => {
    dropUnheardLines({});
    await pulumi.log.debug("Registering resource");
    await pulumi.log.info("holds phase 4");
    assert.deepEqual(heard, ["holds phase 4"]);
  });

  it("reach the engine when they are asked for", async () => {
    dropUnheardLines({ ROLLOUT_SDK_DEBUG: "1" });
    await pulumi.log.debug("Registering resource");
    assert.deepEqual(heard, ["Registering resource"]);
  });
});
