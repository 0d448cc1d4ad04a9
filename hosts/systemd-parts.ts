import type { EnvPart } from "./env-parts.ts";

type State =
  | "pre-key"
  | "key"
  | "pre-value"
  | "value"
  | "escape"
  | "'"
  | '"'
  | '"escape'
  | "comment"
  | "comment escape";

const isBlank = (char: string) => char === " " || char === "\t" || isNewline(char);
const isNewline = (char: string) => char === "\n" || char === "\r";

/**
 * What systemd does with an environment file, letter by letter.
 * @see systemd.exec(5), EnvironmentFile=; src/basic/env-file.c, parse_env_file_internal()
 */
class SystemdReading {
  readonly parts: EnvPart[] = [];
  #state: State = "pre-key";
  #key = "";
  #value = "";
  /** Length of the value without the blanks that end it. */
  #kept = 0;
  #start = 0;
  readonly #text: string;
  readonly #continuesComments: boolean;

  constructor(text: string, continuesComments: boolean) {
    this.#text = text;
    this.#continuesComments = continuesComments;
    for (let index = 0; index < text.length; index += 1) this.#step(text[index] as string, index);
    // Quotes that never close, and a backslash at the very end, go as far as the file does.
    if (!["pre-key", "key", "comment", "comment escape"].includes(this.#state)) this.#push(text.length);
    else this.#close(text.length);
  }

  /** Ends a piece. `\r` ends a line for systemd; the `\n` after it goes with it. */
  #close(end: number, assigns?: EnvPart["assigns"]): void {
    if (end > this.#start)
      this.parts.push({ text: this.#text.slice(this.#start, end), ...(assigns ? { assigns } : {}) });
    this.#start = end;
    this.#state = "pre-key";
    this.#key = "";
  }

  #push(end: number): void {
    const name = this.#key.replace(/[ \t\r\n]+$/, "");
    const value = this.#value.slice(0, this.#state === "value" ? this.#kept : this.#value.length);
    // What is no name, such as `export A`, it reads like any other, and leaves it out of the environment.
    this.#close(end, { name, value });
  }

  #add(char: string, isEscaped = false): void {
    this.#value += char;
    if (isEscaped || !isBlank(char)) this.#kept = this.#value.length;
  }

  #step(char: string, index: number): void {
    if (this.#isSecondHalf(char, index)) {
      const last = this.parts.at(-1) as EnvPart;
      last.text += char;
      this.#start = index + 1;
      return;
    }
    const isOutside = this.#state === "pre-key" || this.#state === "key" || this.#state.startsWith("comment");
    if (isOutside) this.#outside(char, index);
    else this.#inValue(char, index);
  }

  #isSecondHalf(char: string, index: number): boolean {
    return (
      char === "\n" && this.#start === index && this.#state === "pre-key" && this.#text[index - 1] === "\r"
    );
  }

  #outside(char: string, index: number): void {
    const state = this.#state;
    if (state === "comment escape" && (this.#continuesComments || !isNewline(char))) this.#state = "comment";
    else if (isNewline(char)) this.#close(index + 1);
    else if (state === "comment") this.#state = char === "\\" ? "comment escape" : state;
    else if (state === "key") this.#inKey(char);
    else if (char === "#" || char === ";") this.#state = "comment";
    else if (!isBlank(char)) {
      this.#state = "key";
      this.#inKey(char);
    }
  }

  #inKey(char: string): void {
    // The first letter is part of the key whatever it is.
    if (char === "=" && this.#key !== "") {
      this.#state = "pre-value";
      this.#value = "";
      this.#kept = 0;
    } else this.#key += char;
  }

  #inValue(char: string, index: number): void {
    switch (this.#state) {
      case "'":
        if (char === "'") this.#state = "pre-value";
        else this.#add(char, true);
        return;
      case '"':
        if (char === '"') this.#state = "pre-value";
        else if (char === "\\") this.#state = '"escape';
        else this.#add(char, true);
        return;
      case '"escape':
        this.#state = '"';
        if ('"\\`$'.includes(char)) this.#add(char, true);
        else if (char !== "\n") this.#add(`\\${char}`, true);
        return;
      case "escape":
        this.#state = "value";
        if (!isNewline(char)) this.#add(char, true);
        else this.#kept = this.#value.length;
        return;
      default:
        this.#bare(char, index);
    }
  }

  #bare(char: string, index: number): void {
    const isFirst = this.#state === "pre-value";
    if (isNewline(char)) this.#push(index + 1);
    else if (char === "\\") {
      this.#kept = this.#value.length;
      this.#state = "escape";
    } else if (isFirst && (char === "'" || char === '"')) this.#state = char;
    else if (!isFirst || !isBlank(char)) {
      this.#state = "value";
      this.#add(char);
    }
  }
}

/** Takes an environment file apart as systemd does. Pure. */
export function parseSystemd(text: string, { continuesComments }: { continuesComments: boolean }): EnvPart[] {
  return new SystemdReading(text, continuesComments).parts;
}
