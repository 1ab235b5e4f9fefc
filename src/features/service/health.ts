import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { VERSION } from "../../version.ts";

const healthSchema = z.strictObject({ status: z.literal("ok"), version: z.string() }).meta({ id: "Health" });

export const readHealth = endpoint(
  {
    id: "readHealth",
    method: "get",
    path: "/health",
    tag: "Service",
    summary: "Check that the Worker answers",
    description:
      "For a load balancer: asks no storage, so a failing database doesn't take every instance out of service.",
    success: { status: 200, description: "The Worker runs.", schema: healthSchema },
  },
  async () => ({ status: "ok" as const, version: VERSION }),
);
