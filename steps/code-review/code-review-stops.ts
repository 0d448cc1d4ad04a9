import picomatch from "picomatch";
import type { CommitRange, KeptElsewhere } from "../../review/commit-range.ts";
import { clip } from "../../review/finding.ts";
import type { CodeReviewSpec } from "../code-review.ts";
import { shortSha } from "../restart/host-work.ts";

/** Places that a message lists; the report has all of them. */
export const SHOWN = 20;

/** As many places as a person reads. */
export function listed(places: readonly string[]): string {
  const more = places.length - SHOWN;
  return places.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** What of the commits and their files keeps the release from going on. */
export function rangeStops(
  { files, descends }: CommitRange,
  { from, to, review, section }: CodeReviewSpec,
): string[] {
  const expected = picomatch(review.files, { dot: true });
  const odd = files.map(({ path }) => path).filter((path) => !expected(path));
  return [
    ...(descends
      ? []
      : [
          `code-review: expected ${shortSha(from)} to be a forebear of ${shortSha(to)}, got another line of commits: what runs now would be lost. Rebase the new release, or correct releases in the stack config.`,
        ]),
    ...(odd.length === 0
      ? []
      : [
          `code-review: expected changes only in ${clip(review.files.join(", "), 300)}, got ${odd.length} other ${odd.length === 1 ? "file" : "files"}: ${listed(odd.map((path) => clip(path, 200)))}. Take them out of the release, or add them to deployment.${section}.files.`,
        ]),
  ];
}

/** A release has to be whole in its own repository. */
export function submoduleStops({ submodules }: KeptElsewhere, { to }: CodeReviewSpec): string[] {
  if (submodules.length === 0) return [];
  return [
    `code-review: expected ${shortSha(to)} to hold all its files, got ${submodules.length === 1 ? "a submodule" : `${submodules.length} submodules`}, which is not supported: ${listed(submodules)}. Take what is in it into the repository.`,
  ];
}

/** The hosts fetch them, so each of them needs the program. */
export const lfsNotes = ({ lfs }: KeptElsewhere): string[] =>
  lfs.length === 0 ? [] : [`Git LFS keeps ${listed(lfs)}: each host needs git-lfs to install them`];

function mentionStops(places: string[], { flagVariable, to }: CodeReviewSpec): string[] {
  if (places.length === 0) return [];
  return [
    `code-review: expected nothing in ${shortSha(to)} that reads or sets the variable ${flagVariable}, since it makes the behaviour permanent, got ${listed(places)}. Remove what is left of the flag there.`,
  ];
}

/** What of the places that read the flag keeps the release from going on. */
export function flagStops(readers: string[], wrong: string[], spec: CodeReviewSpec): string[] {
  const { flagVariable, to, section } = spec;
  if (spec.flag === "gone") return mentionStops(readers, spec);
  return [
    ...(wrong.length === 0
      ? []
      : [
          `code-review: expected code to read the flag as ${flagVariable} alone, got ${listed(wrong)}. Read ${flagVariable} there; a variable that is something else goes into deployment.${section}.knownVariables.`,
        ]),
    ...(readers.length > 0
      ? []
      : [
          `code-review: expected code in ${shortSha(to)} that reads ${flagVariable} from the environment, got none: the flag would switch nothing. Read it there, or correct flagVariable.`,
        ]),
  ];
}
