/** Reads a file of any size, line by line. */
import { createReadStream } from "node:fs";

/** The maximum length of a line in bytes. A longer line is returned without its bytes, and never kept in memory. */
export const MOST_LINE_BYTES = 64 * 1024;

const LINE_FEED = 10;

export interface Line {
  /** Counted from 1. */
  number: number;
  /** Absent if the line is too long. */
  bytes: Buffer | undefined;
  /** The offset in bytes at which the line ends in the file. */
  end: number;
}

export async function* readLines(path: string): AsyncGenerator<Line> {
  let line = { number: 1, end: 0 };
  let parts: Buffer[] = [];
  let length = 0;
  const keep = (part: Buffer) => {
    length += part.byteLength;
    parts = length <= MOST_LINE_BYTES ? [...parts, part] : [];
  };
  const take = (terminator: number): Line => {
    const bytes = length > MOST_LINE_BYTES ? undefined : Buffer.concat(parts);
    const taken = { number: line.number, bytes, end: line.end + length + terminator };
    line = { number: line.number + 1, end: taken.end };
    parts = [];
    length = 0;
    return taken;
  };
  const stream: AsyncIterable<Buffer> = createReadStream(path);
  for await (const chunk of stream) {
    let start = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, at));
      yield take(1);
      start = at + 1;
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield take(0);
}
