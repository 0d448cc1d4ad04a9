import type { OutputsSection } from "../../config/outputs.ts";
import { StepError } from "../../errors/step-error.ts";
import type { KeyedRow, KeyReader } from "../../postgres/deals/key-pages.ts";
import { readLines } from "../../processes/line-reader.ts";
import { type Progress, withProgress } from "../../system/progress.ts";
import type { Answered, DealAsker } from "./deal-asker.ts";
import { mapOrdered } from "./ordered-map.ts";
import type { LineWriter } from "./snapshot-file.ts";
import { type DealLine, describeRow, parseLine } from "./snapshot-line.ts";

const PAGE = 1000;
/** Answers in a row that did not come about: then the application is down, and no deal is to blame. */
const DOWN = 20;
/** Errors beyond the allowed ones after which asking on is of no use. */
const HOPELESS = 1000;

/** What a run of a snapshot needs. */
export interface SnapshotRun {
  asker: DealAsker;
  reader: KeyReader;
  writer: LineWriter;
  outputs: OutputsSection;
  signal: AbortSignal;
  log(line: string): void;
  /** Deals as the planner estimates them, for the progress lines; undefined when it can't tell. */
  about: number | undefined;
  /** Lines of an earlier try of this snapshot, of which the good ones are taken over. */
  previous: string | undefined;
}

/** A deal to ask for, or a line that is there already. */
type Item = { row: KeyedRow } | { line: DealLine };

/** The earlier lines after `after`. */
async function* previousLines(file: string, after: string | undefined): AsyncGenerator<DealLine> {
  let reached = after === undefined;
  for await (const { text, complete } of readLines(file)) {
    const deal = complete ? parseLine(text) : undefined;
    if (!deal) return;
    const { outputs: _, ...line } = deal;
    if (reached) yield line;
    if (deal.key === after) reached = true;
  }
}

/** Every deal that is still to come: first those of the earlier try, then from the database. */
async function* itemsAfter(lastKey: string | undefined, run: SnapshotRun): AsyncGenerator<Item> {
  let after = lastKey;
  if (run.previous !== undefined) {
    for await (const line of previousLines(run.previous, lastKey)) {
      after = line.key;
      // One with an error is asked for again; a row that is gone by now was deleted meanwhile.
      if (!line.error) yield { line };
      else for (const row of await run.reader.readRows([line.key])) yield { row };
    }
  }
  for (;;) {
    const rows = await run.reader.readPage(after, PAGE);
    for (const row of rows) yield { row };
    after = rows.at(-1)?.key;
    if (after === undefined || rows.length < PAGE) return;
  }
}

async function* inBatches(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Asks for the deals of a batch. One that the database does not know any more has been deleted since, and is left out. */
async function answerBatch(
  items: Item[],
  { asker, reader, signal }: SnapshotRun,
): Promise<(Answered | undefined)[]> {
  signal.throwIfAborted();
  const keys = items.flatMap((item) => ("row" in item ? [item.row.key] : []));
  const answers = keys.length > 0 ? await asker.ask(keys) : [];
  const answered: (Answered | undefined)[] = [];
  for (const item of items) {
    if ("line" in item) {
      answered.push(item);
      continue;
    }
    const answer = answers.shift() as Answered;
    const gone = answer.unknown === true && !(await reader.has(answer.line.key));
    answered.push(gone ? undefined : { ...answer, line: describeRow(answer.line, item.row) });
  }
  return answered;
}

/**
 * Writes answers in their order. Errors that speak of a down application are held back until another answer comes:
 * when none does, they were no deals' errors, and a later run asks for those deals again.
 */
class AnswerSink {
  readonly #run: SnapshotRun;
  #held: DealLine[] = [];
  deleted = 0;

  constructor(run: SnapshotRun) {
    this.#run = run;
  }

  async take(answer: Answered | undefined): Promise<void> {
    if (!answer) this.deleted += 1;
    else if (answer.unavailable) this.#hold(answer.line);
    else {
      await this.release();
      await this.#run.writer.add(answer.line);
    }
  }

  async release(): Promise<void> {
    for (const line of this.#held.splice(0)) await this.#run.writer.add(line);
  }

  #hold(line: DealLine): void {
    this.#held.push(line);
    if (this.#held.length < DOWN) return;
    const { tally } = this.#run.writer;
    throw new StepError(
      `output-snapshot: expected the application to answer, got ${line.error?.reason} for ${DOWN} deals in a row. ` +
        `${tally.total.toLocaleString("en-US")} deals are kept: bring it up and run again, it goes on from there.`,
    );
  }
}

function progressLine(done: number, { about, writer }: SnapshotRun): string {
  const of = about === undefined ? "" : ` of about ${Math.max(about, done).toLocaleString("en-US")}`;
  return `output snapshot: ${done.toLocaleString("en-US")}${of} deals, ${writer.tally.errors.toLocaleString("en-US")} errors`;
}

async function askForAll(
  run: SnapshotRun,
  progress: Progress,
): Promise<{ deleted: number; gaveUp: boolean }> {
  const { writer, outputs, asker } = run;
  const sink = new AnswerSink(run);
  progress.add(writer.tally.total);
  const batches = inBatches(itemsAfter(writer.tally.lastKey, run), asker.batch);
  for await (const answers of mapOrdered(batches, outputs.concurrency, (items) => answerBatch(items, run))) {
    run.signal.throwIfAborted();
    for (const answer of answers) await sink.take(answer);
    progress.add(answers.length);
    if (writer.tally.errors > outputs.maxErrors + HOPELESS) return { deleted: sink.deleted, gaveUp: true };
  }
  await sink.release();
  return { deleted: sink.deleted, gaveUp: false };
}

/**
 * Asks for every deal that the writer's file does not have yet, in the order of the keys.
 * @returns how many deals were deleted meanwhile, and whether it gave up because of too many errors.
 */
export function takeSnapshot(run: SnapshotRun): Promise<{ deleted: number; gaveUp: boolean }> {
  const say = (done: number) => progressLine(done, run);
  return withProgress({ log: run.log, say, signal: run.signal }, (progress) => askForAll(run, progress));
}
