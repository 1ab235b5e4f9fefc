import { endpoint } from "../../endpoint/endpoint.ts";
import { clearOutbox as deleteEmails } from "../../mail/transports/outbox.ts";

/** Exists only in development mode. `http/request-origin.ts` refuses calls from pages of other origins. */
export const clearOutbox = endpoint(
  {
    id: "clearOutbox",
    method: "delete",
    path: "/dev/outbox",
    tag: "Development",
    summary: "Delete the emails that would have been sent",
    description: "Exists only in development.",
    success: { status: 204, description: "The outbox is empty." },
  },
  async ({ db }) => deleteEmails(db),
);
