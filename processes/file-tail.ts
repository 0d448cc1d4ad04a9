import { open } from "node:fs/promises";

/** The last bytes of a file as text; a character that the cut went through is left out. */
export async function readTail(file: string, bytes: number): Promise<string> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, bytes));
    await handle.read(buffer, 0, buffer.length, size - buffer.length);
    const text = buffer.toString("utf8");
    return size > bytes ? text.replace(/^\uFFFD+/, "") : text;
  } finally {
    await handle.close();
  }
}
