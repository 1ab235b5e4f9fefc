/** Pages of a list by keyset: the cursor is the id of the last item, so new items do not shift the pages. */
import * as z from "zod";

/** The parameters of every list. */
export const pageQuery = {
  limit: z.coerce
    .number("This takes a whole number from 1 to 100.")
    .int("This takes a whole number from 1 to 100.")
    .min(1, "A page has at least 1 item.")
    .max(100, "A page has at most 100 items.")
    .default(50)
    .meta({ description: "How many items at most." }),
  cursor: z
    .uuid("Take `next_cursor` as it was given.")
    .optional()
    .meta({ description: "`next_cursor` of the page before. Absent for the first." }),
};

/** The answer of a list. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });

/** A page of rows that were read with one more than asked for. */
export function toPage<Row extends { id: string }, Item>(rows: Row[], limit: number, present: (row: Row) => Item) {
  const page = rows.slice(0, limit);
  return { items: page.map(present), next_cursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
}
