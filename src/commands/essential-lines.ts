/** Which lines of wrangler's output a developer needs to see. */
import { stripVTControlCharacters } from "node:util";

/**
 * Tells for each line in turn whether to show it. Leaves out the tables of bindings, which wrangler prints again and
 * again, and its line about each request, because the Worker logs requests itself.
 */
export function essentialLines(): (line: string) => boolean {
  let isInTable = false;
  return (line) => {
    const text = stripVTControlCharacters(line).trim();
    if (/ has access to the following bindings:$/.test(text)) isInTable = true;
    const isTable = isInTable;
    // An empty line ends the table.
    if (text === "") isInTable = false;
    return !isTable && !/^\[wrangler:info\] [A-Z]+ \S+ \d{3} /.test(text);
  };
}
