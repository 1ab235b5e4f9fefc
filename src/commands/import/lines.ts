/** A file line by line, however large it is, with the place where each line ends. */
import { createReadStream } from "node:fs";

/** Bytes that a line may have; a longer one is passed over without being kept in memory. */
export const MOST_LINE_BYTES = 64 * 1024;

export interface Line {
  /** Counted from 1. */
  number: number;
  /** Absent where the line is too long. */
  bytes: Buffer | undefined;
  /** Where the next line begins: bytes from the start of the file. */
  end: number;
}

/** Reads on from a place where a line begins. */
export async function* readLines(path: string, from: { end: number; number: number }): AsyncGenerator<Line> {
  let { end, number } = from;
  let parts: Buffer[] = [];
  let length = 0;
  const keep = (part: Buffer) => {
    length += part.byteLength;
    if (length <= MOST_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  const take = (terminator: number): Line => {
    number += 1;
    end += length + terminator;
    const line = { number, bytes: length > MOST_LINE_BYTES ? undefined : Buffer.concat(parts), end };
    parts = [];
    length = 0;
    return line;
  };
  const stream: AsyncIterable<Buffer> = createReadStream(path, { start: from.end });
  for await (const chunk of stream) {
    let start = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
      keep(chunk.subarray(start, at));
      yield take(1);
      start = at + 1;
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield take(0);
}
