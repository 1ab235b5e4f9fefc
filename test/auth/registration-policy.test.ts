import { describe, expect, it } from "vitest";
import { register, tryLogin, verifyEmail } from "../support/account.ts";
import { appWith, expectProblem, get } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { newPerson, registered, rowOf, unverified } from "../support/people.ts";

describe("registration that is not open", () => {
  it.each([
    ["invitation", "invitation_required"],
    ["closed", "registration_closed"],
  ] as const)(
    "is refused with REGISTRATION=%s for every address, before anything is looked up",
    async (policy, code) => {
      const send = appWith({ REGISTRATION: policy });
      const [owner, waiting] = [await registered(), await unverified()];
      const logs = recordLogs();
      for (const email of [owner.email, waiting.email, newPerson().email]) {
        const stranger = { ...newPerson(), email };
        expectProblem(await register(stranger, send), 403, code);
        expect(await rowOf(email)).not.toMatchObject({ username: stranger.username });
      }
      for (const line of logs()) expect(line).toMatchObject({ event: "request", storage_calls: 0 });
    },
  );

  it("says what to do", async () => {
    const byInvitation = await register(newPerson(), appWith({ REGISTRATION: "invitation" }));
    expect(byInvitation.json.detail).toContain("Ask an administrator for an invitation");
    const closed = await register(newPerson(), appWith({ REGISTRATION: "closed" }));
    expect(closed.json.detail).toContain("Existing users can log in");
  });

  it("leaves the links of earlier registrations valid", async () => {
    const { token, ...person } = await unverified();
    const closed = appWith({ REGISTRATION: "closed" });
    expect((await verifyEmail(token, closed)).status).toBe(200);
    expect((await tryLogin(person, {}, closed)).status).toBe(200);
  });

  it.each(["open", "invitation", "closed"])("is told at / for forms to heed: %s", async (policy) => {
    expect((await get("/", {}, appWith({ REGISTRATION: policy }))).json.registration).toBe(policy);
  });

  it("is open unless it says otherwise", async () => {
    expect((await get("/")).json.registration).toBe("open");
    expect((await register(newPerson())).status).toBe(202);
  });
});
