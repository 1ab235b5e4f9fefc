import { describe, expect, it } from "vitest";
import { appWith, expectProblem, get, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { mailedToken, registered, rowOf, somebody } from "../support/people.ts";

const REGISTER = "/api/v1/auth/register";

describe("registration that is not open", () => {
  it.each([
    ["invitation", "invitation_required"],
    ["closed", "registration_closed"],
  ] as const)(
    "is refused with REGISTRATION=%s, alike for every address, before anything is looked up",
    async (policy, code) => {
      const send = appWith({ REGISTRATION: policy });
      const owner = await registered();
      const waiting = somebody();
      await post(REGISTER, waiting);
      const logs = recordLogs();
      for (const email of [owner.email, waiting.email, somebody().email]) {
        const stranger = { ...somebody(), email };
        expectProblem(await post(REGISTER, stranger, {}, send), 403, code);
        expect(await rowOf(email)).not.toMatchObject({ username: stranger.username });
      }
      for (const line of logs()) expect(line).toMatchObject({ event: "request", storage_calls: 0 });
    },
  );

  it("says what to do", async () => {
    const byInvitation = await post(REGISTER, somebody(), {}, appWith({ REGISTRATION: "invitation" }));
    expect(byInvitation.json.detail).toContain("Ask an administrator for an invitation");
    const closed = await post(REGISTER, somebody(), {}, appWith({ REGISTRATION: "closed" }));
    expect(closed.json.detail).toContain("Existing users can log in");
  });

  it("leaves the link of whoever registered before good", async () => {
    const person = somebody();
    await post(REGISTER, person);
    const token = await mailedToken(person.email);
    const closed = appWith({ REGISTRATION: "closed" });
    expect((await post("/api/v1/auth/verify-email", { token }, {}, closed)).status).toBe(200);
    const login = { email: person.email, password: person.password };
    expect((await post("/api/v1/auth/login", login, {}, closed)).status).toBe(200);
  });

  it.each(["open", "invitation", "closed"])("is told at / for forms to heed: %s", async (policy) => {
    expect((await get("/", {}, appWith({ REGISTRATION: policy }))).json.registration).toBe(policy);
  });

  it("is open unless it says otherwise", async () => {
    expect((await get("/")).json.registration).toBe("open");
    expect((await post(REGISTER, somebody())).status).toBe(202);
  });
});
