import * as z from "zod";

/** The field of a request body that contains the token of an emailed link. */
export const linkToken = z
  .string()
  .min(1)
  .max(1_024, "Send the token of the link, and nothing else. It has 1,024 characters at most.")
  .meta({ examples: ["AQGasnJ0fSt_…"] });

/** The body of an endpoint that uses a link and needs nothing else. */
export const linkBody = () => z.strictObject({ token: linkToken });
