/** A property as the engine sends it: JSON, in which some objects and one string have a special meaning. */
export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | PropertyValue[]
  | { [key: string]: PropertyValue };
/** The inputs or the state of a resource. */
export type PropertyMap = { [key: string]: PropertyValue };

/** Key that marks an object as special; its value says which kind. Part of Pulumi's wire format. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
/** Stands for a value that is not known before the update has run. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A file as output. The hash lets the engine see a changed file under an unchanged path. */
export function fileAsset(path: string, hash: string): PropertyMap {
  return { [SIGNATURE]: ASSET, path, hash };
}

/** Several files, by their relative path, as one output. */
export function archive(assets: PropertyMap, hash: string): PropertyMap {
  return { [SIGNATURE]: ARCHIVE, assets, hash };
}

export function isObject(value: PropertyValue | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSecret(value: PropertyValue): value is PropertyMap {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

/** True for a plain object: neither a secret nor an asset nor another special value. */
export function isPlainObject(value: PropertyValue | undefined): value is PropertyMap {
  return isObject(value) && !(SIGNATURE in value);
}

/** The value with every secret in it laid open: what the command itself gets to see. */
export function reveal(value: PropertyValue): PropertyValue {
  if (Array.isArray(value)) return value.map(reveal);
  if (isSecret(value)) return reveal(value.value ?? null);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}

/** True when the value or any part of it is not known yet. */
export function containsUnknown(value: PropertyValue | undefined): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(containsUnknown);
  return isObject(value) && Object.values(value).some(containsUnknown);
}

/** Two assets are the same when their content is, wherever they lie. */
function comparable(value: PropertyValue): PropertyValue {
  if (Array.isArray(value)) return value.map(comparable);
  if (!isObject(value)) return value;
  const kind = value[SIGNATURE];
  if ((kind === ASSET || kind === ARCHIVE) && typeof value.hash === "string")
    return { kind, hash: value.hash };
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .filter((key) => value[key] !== null)
      .map((key) => [key, comparable(value[key] as PropertyValue)]),
  );
}

/** Deep equality in which null and absent are the same, as they are for the engine. */
export function sameValue(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  return JSON.stringify(comparable(a ?? null)) === JSON.stringify(comparable(b ?? null));
}
