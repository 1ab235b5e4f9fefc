/** The path of the operators' console, or `off` for no console. */
import * as z from "zod";
import type { ValuesOf } from "../values.ts";

/** The first segments of the paths that Postern itself uses. */
const OWN = new Set([
  ...["accept-invitation", "account", "confirm-email", "email-login", "forgot-password", "login", "logout"],
  ...["register", "reset-password", "undo-email-change", "verify-email"],
  ...["api", "dev", "docs", "health", "metrics", "pages", "ready", "static"],
]);

const adminPath = z
  .string()
  .regex(
    /^(\/[a-z\d][a-z\d-]{0,63}|off)$/,
    "takes a path like /admin, of lower-case letters, digits and hyphens, or off",
  )
  .refine((path) => !OWN.has(path.slice(1)), "is a path that Postern uses for something else");

export const variables = { ADMIN_PATH: adminPath.default("/admin") };

export function toConfig({ ADMIN_PATH }: ValuesOf<typeof variables>) {
  return { adminPath: ADMIN_PATH === "off" ? undefined : ADMIN_PATH } as const;
}
