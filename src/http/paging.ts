/** Keyset pagination: the cursor is the id of the last item, so new items don't shift the pages. */
import * as z from "zod";

/** The parameters of every list. */
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

/** Makes a page of items that were read with a limit of one more. */
export function toPage<Item extends { id: string }>(items: Item[], limit: number) {
  const page = items.slice(0, limit);
  return { items: page, next_cursor: items.length > limit ? (page.at(-1)?.id ?? null) : null };
}
