/** Which lines of wrangler's output a developer needs to see. */
import { stripVTControlCharacters } from "node:util";

/**
 * Returns a function that gets wrangler's lines in order and says whether to show each line. The function leaves out
 * the tables of bindings, which wrangler prints again and again. It also leaves out wrangler's line about each request,
 * because the Worker logs requests itself.
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
