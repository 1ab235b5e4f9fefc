import * as z from "zod";

/** The field of a request body that contains the token of an emailed link. */
export const linkToken = z
  .string()
  .min(1)
  .max(1_024, "The token of a link has at most 1,024 characters.")
  .meta({ examples: ["AQGasnJ0fSt_…"] });

/** The body of an endpoint that uses a link and needs nothing else. */
export const linkBody = () => z.strictObject({ token: linkToken });
