import { readFileSync } from "node:fs";
import { join } from "node:path";
import type grpc from "@grpc/grpc-js";
import languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import pluginProto from "@pulumi/pulumi/proto/plugin_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { answering } from "../answering.ts";
import type { Plugin } from "../plugin-server.ts";
import { installDependencies } from "./install-dependencies.ts";
import { requiredPackages } from "./required-packages.ts";
import { startProgram } from "./run-program.ts";

/** The version that the host reports; the engine's minimum is far below. */
const VERSION = "3.255.0";

function toDependency(required: ReturnType<typeof requiredPackages>[number]): pluginProto.PackageDependency {
  const dependency = new pluginProto.PackageDependency();
  dependency.setName(required.name);
  dependency.setKind("resource");
  dependency.setVersion(required.version);
  dependency.setServer(required.server);
  return dependency;
}

function programDependencies(request: language.GetProgramDependenciesRequest): language.DependencyInfo[] {
  const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  return Object.entries(dependencies).map(([name, version]) =>
    new language.DependencyInfo().setName(name).setVersion(version),
  );
}

/** The methods that need no state: what the host is, and what a program needs. */
const descriptions = {
  handshake: answering(() => new language.LanguageHandshakeResponse()),
  getPluginInfo: answering(() => new pluginProto.PluginInfo().setVersion(VERSION)),
  about: answering(() =>
    new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version),
  ),
  getRequiredPackages: answering((request: language.GetRequiredPackagesRequest) =>
    new language.GetRequiredPackagesResponse().setPackagesList(
      requiredPackages(request.getInfo()?.getProgramDirectory() ?? ".").map(toDependency),
    ),
  ),
  getProgramDependencies: answering((request: language.GetProgramDependenciesRequest) =>
    new language.GetProgramDependenciesResponse().setDependenciesList(programDependencies(request)),
  ),
  runtimeOptionsPrompts: answering(() => new language.RuntimeOptionsResponse()),
  installDependencies,
};

/**
 * The language host for Node programs: runs the program of a stack and says which plugins it needs.
 * Code generation, packing and linking of packages are not served: gRPC answers them with "unimplemented".
 */
export function createLanguageHost(engine: string | undefined): Plugin {
  const running = new Set<{ cancel(): void }>();
  const cancelAll = () => {
    for (const program of running) program.cancel();
  };
  const run = async (request: language.RunRequest) => {
    const program = startProgram(request, engine ?? "");
    running.add(program);
    const { error, bail } = await program.done;
    running.delete(program);
    return new language.RunResponse().setError(error).setBail(bail);
  };
  const cancel = () => {
    cancelAll();
    return new empty.Empty();
  };
  return {
    register: (server) =>
      server.addService(languageGrpc.LanguageRuntimeService, {
        ...descriptions,
        run: answering(run),
        cancel: answering(cancel),
      } as unknown as grpc.UntypedServiceImplementation),
    stop: cancelAll,
    busy: () => running.size > 0,
  };
}
