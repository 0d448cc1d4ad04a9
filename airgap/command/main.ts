import { engineAddress, servePlugin } from "../plugin-server.ts";
import { createCommandProvider } from "./provider.ts";

// Entry of `pulumi-resource-command`: the engine starts it with its own address as argument.
await servePlugin(createCommandProvider(engineAddress()));
