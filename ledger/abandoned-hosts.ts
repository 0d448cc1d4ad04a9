import type { EvidenceRecord } from "./record.ts";
import { userAtHost } from "./record-text.ts";
import { hostNames } from "./spec-hosts.ts";

/**
 * Hosts that somebody has said are gone for good, each with when, who and why. One that a step was applied to since is
 * none any more: it was in the configuration again. Pure.
 */
export function abandonedHosts(records: readonly EvidenceRecord[]): Map<string, string> {
  const abandoned = new Map<string, string>();
  for (const record of records) {
    if (record.record === "event" && record.event === "host-abandoned")
      abandoned.set(record.host, `given up on ${record.at} by ${userAtHost(record.by)} (${record.reason})`);
    else if (record.record === "begin" && record.verb === "apply")
      for (const name of hostNames(record.spec)) abandoned.delete(name);
  }
  return abandoned;
}
