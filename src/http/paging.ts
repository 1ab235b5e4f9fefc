/** Pages of a list by keyset: the cursor is the id of the last item, so that what is added meanwhile moves nothing. */
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

/** A page of what was read with one item more than asked for. */
export function toPage<Item extends { id: string }>(items: Item[], limit: number) {
  const page = items.slice(0, limit);
  return { items: page, next_cursor: items.length > limit ? (page.at(-1)?.id ?? null) : null };
}
