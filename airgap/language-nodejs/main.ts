import { engineAddress, servePlugin } from "../plugin-server.ts";
import { createLanguageHost } from "./language-host.ts";

// Entry of `pulumi-language-nodejs`: the engine starts it with its own address as argument.
await servePlugin(createLanguageHost(engineAddress()));
