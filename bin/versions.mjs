/** Engine that is built from tools/ or downloaded; tools/go.mod pins the same one. */
export const ENGINE = "3.255.0";
/** Oldest official CLI that is used as found: the version of the SDK in package.json. */
export const OLDEST_ENGINE = "3.248.0";
/** The `command` provider, the version of @pulumi/command in package.json. */
export const COMMAND_PLUGIN = "1.2.1";
export const NODE = "20.19.0";
export const GO = "1.25.0";

/** True when the dotted version is at least the other one. */
export function atLeast(version, least) {
  const [have, want] = [version, least].map((text) => text.split(".").map(Number));
  for (let at = 0; at < want.length; at += 1) {
    if ((have[at] || 0) !== want[at]) return (have[at] || 0) > want[at];
  }
  return true;
}
