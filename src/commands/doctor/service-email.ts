/**
 * The doctor doesn't know the service's email credentials, so it lets the service send an email: it registers the
 * address as a new user.
 */
import * as z from "zod";
import { pause, SECOND } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import { makeAccount } from "./account.ts";
import { type Finding, failed, ok, skipped } from "./finding.ts";
import type { Service } from "./service.ts";

const LOOKS = 40;
const outboxSchema = z.object({ items: z.array(z.object({ to: z.string(), subject: z.string(), text: z.string() })) });

type OutboxEmail = z.output<typeof outboxSchema>["items"][number];

export async function sendThroughService(to: string, service: Service, random: Random): Promise<Finding> {
  const before = (await readOutbox(service, to))?.length;
  const { status, code } = await service.request("/api/v1/auth/register", {
    method: "POST",
    body: { ...makeAccount("", random), email: to },
  });
  if (status !== 202)
    return skipped(
      `The service sends no email to ${to}: registering answered ${status} ${code ?? ""}.`.replace(" .", "."),
      "Request a link for a forgotten password of an account with this address.",
    );
  if (before === undefined)
    return ok(
      `The service has registered ${to}, and emails a link there. Check that it arrives, and not as spam. Don't use the link: without it, the registration expires.`,
    );
  for (let look = 0; look < LOOKS; look++) {
    const emails = (await readOutbox(service, to)) ?? [];
    if (emails.length > before) return ok(`The email to ${to} is in the outbox: "${emails[0]?.subject}".`);
    await pause(SECOND / 4);
  }
  return failed(`No email to ${to} came to the outbox.`, "Look for mail_failed in the log of `npm run dev`.");
}

/** The emails to this address, newest first; `undefined` if the service has no outbox. */
export async function readOutbox(service: Service, to: string): Promise<OutboxEmail[] | undefined> {
  const { status, json } = await service.request("/dev/outbox");
  return status === 200 ? outboxSchema.safeParse(json).data?.items.filter((email) => email.to === to) : undefined;
}
