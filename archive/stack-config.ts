import { existsSync, readFileSync } from "node:fs";
import { isMap, isScalar, parseDocument, Scalar, visit } from "yaml";
import { hideCredentials } from "../config/value-text.ts";

/** What Pulumi keeps beside the configuration, to decrypt the secrets in it. */
const OF_SECRETS = ["encryptionsalt", "encryptedkey", "secretsprovider"];
const HIDDEN = "[secret]";

/**
 * A stack's file with every secret replaced by `[secret]`, comments kept: encrypted values too, since whoever gets hold
 * of the passphrase one day could read them. Pure.
 */
export function withoutSecrets(text: string): string {
  const document = parseDocument(text);
  for (const key of OF_SECRETS) document.delete(key);
  visit(document, {
    Pair(_, pair) {
      const key = isScalar(pair.key) ? String(pair.key.value) : "";
      const sealed = isMap(pair.value) && pair.value.has("secure");
      if (sealed || key.endsWith("databaseUrl")) pair.value = new Scalar(HIDDEN);
    },
  });
  return hideCredentials(document.toString({ lineWidth: 0 }));
}

/** The stack's configuration as it lies in the project, without secrets; undefined where it lies elsewhere. */
export function readStackConfig(stack: string): string | undefined {
  const file = `Pulumi.${stack}.yaml`;
  return existsSync(file) ? withoutSecrets(readFileSync(file, "utf8")) : undefined;
}
