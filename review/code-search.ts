import type { Change } from "../postgres/migration/change.ts";
import { showValue, subjectOf } from "../postgres/migration/change-sql.ts";
import { clip, type Finding } from "./finding.ts";
import { findReads, type Read, type ReadPatterns, readPatterns } from "./read-patterns.ts";
import { readTree, type TreeLimits } from "./source-tree.ts";

/** What a search through the source found and what it left out. */
export interface CodeSearch {
  findings: Finding[];
  files: number;
  /** Reads beyond those that are kept. */
  more: number;
}

export interface CodeSearchOptions {
  places: readonly string[];
  ignore: readonly string[];
  limits?: Partial<TreeLimits>;
  signal: AbortSignal;
}

/** Reads that are kept; a review with more is read by nobody. */
const KEPT = 1_000;

/** What becomes of a read, and what to do. */
export function explainRead({ kind, value }: Read, change: Change): { finding: string; remedy: string } {
  const subject = subjectOf(change);
  const to = value === undefined ? "" : (change.normalise.spellings[value] ?? "");
  const explained: Record<Read["kind"], { finding: string; remedy: string }> = {
    null: {
      finding: `asks whether ${subject} is NULL, which no row is any more`,
      remedy: `Ask for ${showValue(change.normalise.whenNull ?? null)} instead, or accept both until phase 4.`,
    },
    spelling: {
      finding: `names the old spelling ${showValue(value ?? "")}, which reads as ${showValue(to)} from phase 1 on`,
      remedy: "A comparison misses from then on: accept both until phase 4. A write goes on working.",
    },
    pattern: {
      finding: `compares ${subject} with a pattern`,
      remedy: `See that it matches ${change.allowed.join(", ")} as well.`,
    },
    returning: {
      finding: `reads ${subject} back by RETURNING: it gets the normalised value, not the one that it wrote`,
      remedy: "See that nothing compares the two.",
    },
    copy: {
      finding: `copies ${change.table} by COPY: the file holds normalised values`,
      remedy: "See that whoever reads the file knows them.",
    },
  };
  return explained[kind];
}

/** The reads of one file, with line numbers. */
function searchText(path: string, text: string, change: Change, patterns: ReadPatterns): Finding[] {
  let line = 1;
  let at = 0;
  const seen = new Set<string>();
  return findReads(text, change, patterns).flatMap((read) => {
    for (; at < read.at; at += 1) if (text.charCodeAt(at) === 10) line += 1;
    const place = `${line} ${read.kind} ${read.value ?? ""}`;
    if (seen.has(place)) return [];
    seen.add(place);
    const { finding, remedy } = explainRead(read, change);
    const from = Math.max(text.lastIndexOf("\n", read.at) + 1, read.at - 60);
    const excerpt = clip(text.slice(from, from + 300).split("\n")[0] ?? "", 100);
    const subject = `${clip(path, 300)}:${line}`;
    return [{ severity: "note", topic: "code", subject, finding: `${finding}: ${excerpt}`, remedy }];
  });
}

const gapNote = (subject: string, finding: string): Finding => ({
  ...{ severity: "note", topic: "code", subject, finding },
  remedy: "Search there by hand, or narrow review.code.",
});

/** Searches source for reads that will notice the change. Reads only, bounded in files, bytes and findings. */
export async function searchCode(change: Change, options: CodeSearchOptions): Promise<CodeSearch> {
  const patterns = readPatterns(change);
  const found: CodeSearch = { findings: [], files: 0, more: 0 };
  const gaps: Finding[] = [];
  const read = new Set<string>();
  for (const place of options.places) {
    const tree = readTree(place, options);
    for await (const { path, text } of tree.files) {
      if (read.has(path)) continue;
      read.add(path);
      const findings = searchText(path, text, change, patterns);
      const room = Math.max(0, KEPT - found.findings.length);
      found.findings.push(...findings.slice(0, room));
      found.more += Math.max(0, findings.length - room);
    }
    const { cut, tooLarge, unreadable } = tree.gaps;
    if (cut) gaps.push(gapNote(place, "has more files than are searched; the rest was left out"));
    if (tooLarge.length > 0)
      gaps.push(
        gapNote(place, `${tooLarge.length} large files were left out, ${clip(tooLarge[0] ?? "")} first`),
      );
    if (unreadable.length > 0)
      gaps.push(gapNote(place, `${unreadable.length} could not be read, ${clip(unreadable[0] ?? "")} first`));
  }
  return { findings: [...found.findings, ...gaps], files: read.size, more: found.more };
}
