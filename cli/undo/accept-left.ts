import type { Client } from "pg";
import type { Chain } from "../../ledger/chain.ts";
import { countLeft } from "../../ledger/left.ts";
import { saveArtifact } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import { acquireLease } from "../../postgres/lease.ts";
import type { TableWork } from "../../postgres/migration/expand.ts";
import { forgetLeftStep, readLeft } from "../../postgres/migration/left-record.ts";
import { keepJournal, removeRollout } from "../../postgres/migration/remove-rollout.ts";
import { withConnection } from "../../postgres/session.ts";
import type { FoundLeft, UndoingLeft } from "./undo-left.ts";

/** Kept on record before anything is dropped, so that a run that is killed in between loses nothing. Once is enough. */
function keepOnRecord(
  chain: Chain,
  { reason, journal, left }: { reason: string; journal: string; left: FoundLeft["left"] },
): void {
  const last = chain.records.findLast(({ record }) => record === "event");
  const count = countLeft(left);
  if (last?.record === "event" && last.event === "left-accepted" && last.journal === journal) return;
  const note = `${count.toLocaleString("en-US")} left as they are (${reason})`;
  chain.append({ record: "event", event: "left-accepted", reason, count, left, journal, note });
}

/**
 * What is left stays as it is for good: on record with who, when, why and what, then journal and tracker go.
 * @returns what was done, one line each.
 */
export async function acceptLeft(
  undoing: UndoingLeft,
  chain: Chain,
  { record, ended }: FoundLeft,
  reason: string,
): Promise<string[]> {
  const { config, signal, log } = undoing;
  const { stack, migration, databaseUrl } = config;
  const { lockTimeoutMs, appTriggers } = migration;
  const link = { connect: () => connect(databaseUrl) };
  const save = async (name: string, content: Buffer) => saveArtifact(chain.folder, name, content);
  const lease = await acquireLease(link.connect, { holder: `${stack}: undo --left`, log });
  try {
    return await withConnection(link, async (client: Client) => {
      const work: TableWork = {
        client,
        change: record.change,
        stack,
        lockTimeoutMs,
        appTriggers,
        lease,
        signal,
        log,
      };
      const left = await readLeft(client, record.change);
      const { artifact: journal } = await keepJournal(work, save);
      keepOnRecord(chain, { reason, journal, left });
      const accepted = `accepted on record: ${countLeft(left).toLocaleString("en-US")} left as they are (${reason}); every one is named in ${journal}`;
      if (!ended) {
        await forgetLeftStep(work, "contract");
        return [accepted];
      }
      const { role } = await removeRollout(work, record, save);
      return [
        accepted,
        "tracker, journal and schema rollout are dropped: a new attempt may begin",
        ...(role ? [`role ${record.ownerRole} stays: ${role.reason}`] : []),
      ];
    });
  } finally {
    await lease.release();
  }
}
