const Module = require("node:module");

/**
 * What Pulumi's SDK loads at once, but needs only to turn a function into the code of a cloud function: the TypeScript
 * compiler and npm's dependency resolver, half of the SDK's own loading time. Here no function is ever serialised, so
 * they wait until something of them is asked for; then they are just what they would have been.
 *
 * Node takes this file before everything else (`nodeargs` in Pulumi.yaml): the SDK is loaded before the program is.
 * @see https://github.com/pulumi/pulumi/pull/10185, where Pulumi does the same for a part of it
 */
const DEFERRED = new Set(["@npmcli/arborist", "typescript"]);

/** A module that is loaded at the first look at one of its exports. */
function deferred(load) {
  let loaded;
  const get = (_, name) => {
    // The SDK's own wrapper would else look at every export.
    if (name === "__esModule") return true;
    loaded ??= load();
    return name === "default" && !("default" in loaded) ? loaded : loaded[name];
  };
  return new Proxy({}, { get });
}

const load = Module._load;
Module._load = function loadDeferred(request, parent, isMain) {
  const now = () => load.call(this, request, parent, isMain);
  return DEFERRED.has(request) && parent?.filename.includes("/@pulumi/pulumi/") ? deferred(now) : now();
};
