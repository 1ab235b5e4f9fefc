import { expect, vi } from "vitest";
import { neverLog } from "../support/logs.ts";
import { type Mail, mailsTo } from "../support/people.ts";

/** Waits for a mail to this address with this subject: the newest of `count`. */
export async function mailAbout(email: string, subject: RegExp, count = 1): Promise<Mail> {
  return vi.waitFor(
    async () => {
      const found = (await mailsTo(email)).filter((mail) => subject.test(mail.subject));
      expect(found.length, `${subject} to ${email}`).toBeGreaterThanOrEqual(count);
      const [newest] = found;
      if (newest === undefined) throw new Error("no mail");
      return newest;
    },
    { timeout: 10_000, interval: 50 },
  );
}

/** The token of the link in such a mail. */
export async function tokenAbout(email: string, subject: RegExp, count = 1): Promise<string> {
  const token = /#token=([\w-]+)/.exec((await mailAbout(email, subject, count)).text)?.[1] ?? "";
  neverLog(token);
  return token;
}
