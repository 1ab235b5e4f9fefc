import { afterAll, describe, expect, it } from "vitest";
import { makeClone } from "./live-service.ts";
import { takePort } from "./loopback.ts";

const clone = makeClone();

afterAll(() => clone.remove());

describe("npm run dev with a configuration that can't be", () => {
  it.each([
    [
      "a wrong value",
      "ACCESS_TOKEN_EXPIRE_MINUTES:soon",
      "ACCESS_TOKEN_EXPIRE_MINUTES takes a whole number from 1 to 1440.",
    ],
    [
      "a public URL elsewhere",
      "PUBLIC_URL:https://auth.example.com",
      "ENVIRONMENT=development takes a PUBLIC_URL on localhost",
    ],
    [
      "a development surface outside development",
      "ENVIRONMENT:production",
      "PUBLIC_URL takes an https URL outside development.",
    ],
    [
      "JSON on the command line that says something unknown",
      'MAIL_SUBJECTS:{"verify_email":"Hello: {product}","welcome":"Hello"}',
      "MAIL_SUBJECTS has an unknown kind of email: welcome. It takes verify_email,",
    ],
  ])("ends on %s, and says which variable it is", async (_, variable, words) => {
    const { code, output } = await clone.run("dev", "--persist-to", `state-${variable.length}`, "--var", variable);
    expect(output).toContain(words);
    expect(code).toBeGreaterThan(0);
    expect(output).not.toContain("Ctrl-C stops it");
  });

  it("ends on a flag that wrangler does not know", async () => {
    const { code, output } = await clone.run("dev", "--persist-to", "colours", "--colour", "blue");
    expect(output).toContain("colour");
    expect(code).toBe(1);
  });
});

describe("npm run dev with a port that is taken", () => {
  it("ends, and says so", async () => {
    const port = await takePort();
    const { code, output } = await clone.run("dev", "--port", String(port));
    expect(output).toContain(`Port ${port} is taken`);
    expect(code).toBe(1);
  });
});
