import { spawn } from "node:child_process";
import type grpc from "@grpc/grpc-js";
import language from "@pulumi/pulumi/proto/language_pb.js";

type Call = grpc.ServerWritableStream<
  language.InstallDependenciesRequest,
  language.InstallDependenciesResponse
>;

/** `pulumi install`: npm's output is streamed as it comes. Scripts of packages are not run: they would download plugins. */
export function installDependencies(call: Call): void {
  const folder = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
  const npm = spawn("npm", ["install", "--ignore-scripts"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  npm.stdout.on("data", (data: Buffer) =>
    call.write(new language.InstallDependenciesResponse().setStdout(data)),
  );
  npm.stderr.on("data", (data: Buffer) =>
    call.write(new language.InstallDependenciesResponse().setStderr(data)),
  );
  npm.once("error", (error) => call.destroy(error));
  npm.once("close", (code) => {
    if (code === 0) call.end();
    else call.destroy(new Error(`npm install --ignore-scripts failed with exit code ${code} in ${folder}.`));
  });
}
