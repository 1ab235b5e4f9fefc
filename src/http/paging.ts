/** Keyset pagination: the cursor names the last item of a page, so new items don't shift the pages. */
import * as z from "zod";
import { decodeBase64url, encodeBase64url, utf8 } from "../platform/encoding.ts";

const UNCHANGED = "Send the `next_cursor` of the previous page unchanged.";
/** The validation error for a cursor that is not from this list. */
export const OTHER_CURSOR = { params: { code: "invalid_format" }, message: UNCHANGED };
const MEANING = "`next_cursor` of the previous page. Omit it for the first page.";

/** The query parameters of a list that is sorted by id. The cursor is an id. */
export const pageQuery = {
  limit: z.coerce
    .number("Send a whole number from 1 to 100.")
    .int("Send a whole number from 1 to 100.")
    .min(1, "Send a whole number from 1 to 100.")
    .max(100, "Send a whole number from 1 to 100.")
    .default(50)
    .meta({ description: "The maximum number of items." }),
  cursor: z.uuid(UNCHANGED).optional().meta({ description: MEANING }),
};

/** A position in a list that is sorted by time of creation and id, or by name. */
export type Place = { createdAt: number; id: string } | { name: string };

/** The query parameters of a list that is sorted by time of creation and id, or by name. */
export const pageQueryByPlace = {
  ...pageQuery,
  cursor: z
    .string()
    .transform((text, context) => {
      const place = placeOfCursor(text);
      if (place !== undefined) return place;
      context.addIssue({ code: "custom", ...OTHER_CURSOR });
      return z.NEVER;
    })
    .optional()
    .meta({ description: MEANING }),
};

/** The schema of a page of a list. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });

/**
 * Makes a page of at most `limit` rows. Pass up to `limit + 1` rows: an additional row only shows that another page
 * follows. `cursorOf` makes `next_cursor` from the last row of the page.
 */
export function toPage<Row extends { id: string }, Item>(
  rows: Row[],
  limit: number,
  present: (row: Row) => Item,
  cursorOf = ({ id }: Row): string => id,
) {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { items: page.map(present), next_cursor: last === undefined ? null : cursorOf(last) };
}

/** The cursor of a position: the base64url encoding of the time and the id, or of a space and the name. */
export function cursorOfPlace(place: Place): string {
  return encodeBase64url(utf8("name" in place ? ` ${place.name}` : `${place.createdAt} ${place.id}`));
}

function placeOfCursor(cursor: string): Place | undefined {
  const text = new TextDecoder().decode(decodeBase64url(cursor));
  const [, time, id, name] = /^(?:(-?\d{1,15}) ([\da-f-]{36})| (\S{1,254}))$/.exec(text) ?? [];
  if (name !== undefined) return { name };
  return id === undefined ? undefined : { createdAt: Number(time), id };
}
