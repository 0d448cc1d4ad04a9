// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with one
const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: just these are to go
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/**
 * The end of what a program said, on one line: after a trace or notes the reason stands last, so the beginning is what
 * goes. Colours and other control characters are left out.
 */
export function outputEnd(text: string, longest = 300): string {
  const line = text.replaceAll(COLOURS, "").replaceAll(CONTROLS, " ");
  const plain = line.replaceAll(/ {2,}/g, " ").trim();
  return plain.length <= longest ? plain : `…${plain.slice(-longest)}`;
}
