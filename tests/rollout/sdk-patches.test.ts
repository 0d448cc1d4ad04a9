import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { PATCHED_SDK, patchSdk } from "../../rollout/sdk-patches.ts";

describe("patches of Pulumi's SDK", () => {
  const log: { debug: typeof pulumi.log.debug } = pulumi.log;
  const { debug } = log;
  const { prepareStackTrace } = Error;

  afterEach(() => {
    log.debug = debug;
    if (prepareStackTrace) Error.prepareStackTrace = prepareStackTrace;
    else Reflect.deleteProperty(Error, "prepareStackTrace");
  });

  describe("of debug lines", () => {
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

    after(() => {
      pulumi.runtime.resetOptions("", "", 1, "", "", false, "");
      server.forceShutdown();
    });

    it("keep each line from the engine, and every other line reaches it", async () => {
      patchSdk({});
      await pulumi.log.debug("Registering resource");
      await pulumi.log.info("holds phase 4");
      assert.deepEqual(heard, ["holds phase 4"]);
    });

    it("let the lines through when they are asked for", async () => {
      patchSdk({ ROLLOUT_SDK_DEBUG: "1" });
      await pulumi.log.debug("Registering resource");
      assert.deepEqual(heard, ["Registering resource"]);
    });
  });

  describe("of stacks", () => {
    const debuggablePromise = () => new Error().stack;
    const callsites = () => new Error().stack;
    /** What the patched SDK would get: a stack of a promise, of a resource, of an error. */
    function stacks(environment: NodeJS.ProcessEnv): (string | undefined)[] {
      Error.prepareStackTrace = () => "mapped";
      patchSdk(environment);
      return [debuggablePromise(), callsites(), new Error("ours").stack];
    }

    it("look up lines for errors alone", () => {
      assert.deepEqual(stacks({}), ["", "", "mapped"]);
    });

    it("look up all lines for leaked promises, and where they are switched off", () => {
      for (const variable of ["PULUMI_DEBUG_PROMISE_LEAKS", "ROLLOUT_SDK_DEBUG"])
        assert.deepEqual(stacks({ [variable]: "1" }), ["mapped", "mapped", "mapped"]);
    });
  });

  it("are for the version in package.json, and off for every other one", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    assert.equal(PATCHED_SDK, dependencies["@pulumi/pulumi"]);
    patchSdk({}, "3.249.0");
    assert.equal(log.debug, debug);
    assert.equal(Error.prepareStackTrace, prepareStackTrace);
    patchSdk({}, PATCHED_SDK);
    assert.notEqual(log.debug, debug);
  });
});
