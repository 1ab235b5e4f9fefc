/** Keyset pagination: the cursor is the id of the last item, so new items don't shift the pages. */
import * as z from "zod";

/** The query parameters of every list. */
export const pageQuery = {
  limit: z.coerce
    .number("Send a whole number from 1 to 100.")
    .int("Send a whole number from 1 to 100.")
    .min(1, "Send a whole number from 1 to 100.")
    .max(100, "Send a whole number from 1 to 100.")
    .default(50)
    .meta({ description: "The maximum number of items." }),
  cursor: z
    .uuid("Send the `next_cursor` of the previous page unchanged.")
    .optional()
    .meta({ description: "`next_cursor` of the previous page. Omit it for the first page." }),
};

/** The answer of a list. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });

/** Makes a page of at most `limit` rows. Pass one row more if there is one: it shows that another page follows. */
export function toPage<Row extends { id: string }, Item>(rows: Row[], limit: number, present: (row: Row) => Item) {
  const page = rows.slice(0, limit);
  return { items: page.map(present), next_cursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
}
