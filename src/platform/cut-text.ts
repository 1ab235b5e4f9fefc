/**
 * Cuts text only between the characters that readers see: extended grapheme clusters (Unicode UAX #29). Half of an
 * emoji, or a letter without its accent, would be a different character or no character.
 */
let segmenter: Intl.Segmenter | undefined;

/**
 * The beginning of a text: as many whole characters as fit into the length `most`. Lengths are in UTF-16 code units,
 * unless `lengthOf` measures them in another way.
 */
export function cutText(text: string, most: number, lengthOf: (text: string) => number = unitsOf): string {
  if (lengthOf(text) <= most) return text;
  // One letter can have any number of accents. If the first character alone is too long, cut it between code points.
  return firstOf(charactersOf(text), most, lengthOf) || firstOf(text, most, lengthOf);
}

function* charactersOf(text: string): Generator<string> {
  // Create the segmenter on first use, because it slows down the start of the Worker, and few texts are too long.
  segmenter ??= new Intl.Segmenter();
  for (const { segment } of segmenter.segment(text)) yield segment;
}

function firstOf(pieces: Iterable<string>, most: number, lengthOf: (text: string) => number): string {
  let first = "";
  let length = 0;
  for (const piece of pieces) {
    length += lengthOf(piece);
    if (length > most) break;
    first += piece;
  }
  return first;
}

function unitsOf(text: string): number {
  return text.length;
}
