/** The Worker. A wrong configuration stops it here, before it answers anything. */
import { env } from "cloudflare:workers";
import { createApp } from "./app.ts";
import type { Bindings } from "./bindings.ts";
import { parseConfig } from "./config.ts";
import { deliverMails } from "./mail/deliver.ts";
import type { MailRequest } from "./mail/requests.ts";
import { chooseTransport } from "./mail/transports/choose.ts";
import { runMaintenance } from "./maintenance.ts";
import { createServices } from "./services.ts";

export { RateLimiter } from "./limits/rate-limiter.ts";
export { UserSessions } from "./sessions/user-sessions.ts";

const config = parseConfig(env);
const app = createApp(config);

export default {
  fetch: app.fetch,

  async queue(batch, bindings) {
    const services = createServices(bindings, config);
    const transport = chooseTransport(config.mail, { ...services, email: bindings.EMAIL });
    await deliverMails(batch, { ...services, transport });
  },

  async scheduled(_event, bindings) {
    await runMaintenance(createServices(bindings, config));
  },
} satisfies ExportedHandler<Bindings, MailRequest>;
