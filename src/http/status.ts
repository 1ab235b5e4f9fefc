import * as z from "zod";

/** The body of an answer that says only that something was done. */
export const statusSchema = <const Status extends string>(status: Status) =>
  z.strictObject({ status: z.literal(status) });
