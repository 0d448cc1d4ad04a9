import { markdownTable } from "../system/markdown-table.ts";
import type { Described } from "./index-page.ts";

/** `README.md`: what this is, and how anybody can check it with what every machine has. Pure. */
export function archiveReadme({ manifest }: Described): string {
  const { stack, subject, evidence, leftOut, files } = manifest;
  const has = (prefix: string) => files.some(({ path }) => path.startsWith(prefix));
  const rows: [string, string, boolean][] = [
    ["`index.html`", "what happened when, by whom, with links: open it in a browser", true],
    ["`manifest.json`", "every file with its size and SHA-256", true],
    ["`evidence/`", "the records, each with the hash of the one before", true],
    [
      "`evidence/artifacts/`",
      "audits, test results, reviews with the planned SQL, comparisons",
      has("evidence/artifacts/"),
    ],
    [
      "`evidence/regressions/`",
      "every deal that was not simply as before, a line each",
      has("evidence/regressions/"),
    ],
    [
      "`evidence/snapshots/`",
      "what the application said of every deal, before and after",
      has("evidence/snapshots/"),
    ],
    ["`reports/`", "reports for people, as they were", has("reports/")],
    ["`config/`", "the stack's configuration; secrets are not in it", has("config/")],
    ["`backups.json`", "where the backups lay; they are not in here", true],
    ["`releases.json`", "the commits that were rolled out", true],
  ];
  return `${[
    `# ${subject} on ${stack}: the rollout, archived`,
    "",
    `Evidence records 1 to ${evidence.head.number}, ${evidence.from} to ${evidence.to}.`,
    ...(leftOut.length > 0
      ? [`${leftOut.length} files were left out on purpose; the manifest names them.`]
      : []),
    "",
    ...markdownTable(
      ["", ""],
      rows.filter(([, , there]) => there).map(([name, about]) => [name, about]),
    ),
    "",
    "## Is it what it was?",
    "",
    "With the program that made it, on any machine: `npx rollout verify <archive>`. By hand, in this folder:",
    "",
    "```sh",
    `jq -r '.files[] | "\\(.sha256)  \\(.path)"' manifest.json | sha256sum --check --quiet`,
    "find . -type f | wc -l   # as many as the manifest lists, and the manifest",
    "```",
    "",
    "Whoever changes a file can change the manifest as well. So compare the SHA-256 of the archive itself with the one that",
    "the rollout printed, and that the record of its archiving step holds in the living evidence.",
  ].join("\n")}\n`;
}
