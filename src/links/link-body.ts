import * as z from "zod";

/** The token of an emailed link in a request body. */
export const linkToken = z
  .string()
  .min(1)
  .max(1_024, "This is longer than any token of this service.")
  .meta({ examples: ["AQGasnJ0fSt_…"] });

/** The body of an endpoint that spends a link and needs nothing else. */
export const linkBody = () => z.strictObject({ token: linkToken });
