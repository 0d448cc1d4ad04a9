import provider from "@pulumi/pulumi/proto/provider_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { DetailedDiff } from "./detailed-diff.ts";
import type { InputFailure } from "./inputs.ts";
import type { PropertyMap } from "./property-value.ts";

/** Properties of a message, as JSON. */
export function toMap(message: struct.Struct | undefined): PropertyMap {
  return (message?.toJavaScript() ?? {}) as PropertyMap;
}

/** Properties as a message takes them. */
export function toStruct(map: PropertyMap): struct.Struct {
  // An absent property and one that is null are the same for the engine; only the absent one is stored cleanly.
  const present = Object.entries(map).filter(([, value]) => value !== null && value !== undefined);
  return struct.Struct.fromJavaScript(Object.fromEntries(present) as Record<string, struct.JavaScriptValue>);
}

/** Refused inputs as the engine shows them. */
export function toFailures(failures: InputFailure[]): provider.CheckFailure[] {
  return failures.map(({ property, reason }) =>
    new provider.CheckFailure().setProperty(property).setReason(reason),
  );
}

/** `package:module:Type` of a URN. */
export function resourceType(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** The name that the program gave the resource. */
export function resourceName(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** A diff as the engine takes it: every path with its kind, and the inputs that replace. */
export function toDiffResponse(diff: DetailedDiff): provider.DiffResponse {
  const response = new provider.DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = provider.DiffResponse.DiffChanges;
  response.setChanges(diff.size > 0 ? DIFF_SOME : DIFF_NONE);
  response.setHasdetaileddiff(true);
  const top = (path: string) => /^[^.[]+/.exec(path)?.[0] ?? path;
  for (const [path, kind] of diff) {
    response.getDetaileddiffMap().set(path, new provider.PropertyDiff().setKind(kind).setInputdiff(true));
  }
  response.setDiffsList([...new Set([...diff.keys()].map(top))]);
  response.setReplacesList([...diff].filter(([, kind]) => kind % 2 === 1).map(([path]) => top(path)));
  return response;
}
