/** Text of others on one line, without characters that a terminal acts on. Pure. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Z}]+/gu, " ").trim();
}
