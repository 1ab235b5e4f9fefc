/** What `npm run deploy` asks, what it prints if it can't ask a person, and what it lists as left to do. */
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { openCloudflare } from "../../src/commands/deploy/cloudflare.ts";
import { readDeployment } from "../../src/commands/deploy/configuration.ts";
import { openDeploymentFile } from "../../src/commands/deploy/deployment-file.ts";
import { sayWhatIsLeft } from "../../src/commands/deploy/left-to-do.ts";
import { askOpenQuestions, type Values } from "../../src/commands/deploy/questions.ts";
import { deploy } from "../../src/commands/deploy.ts";
import { findWrangler } from "../../src/commands/wrangler.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { startCloudflare, TOKEN } from "./cloudflare-stand-in.ts";
import { ANSWERS, CANNED, makeCheckout } from "./deploy-checkout.ts";
import { makeTree } from "./stand-in.ts";

const OUTSIDE = { ...CANNED, pause: async () => {}, random: systemRandom };

describe("The questions of npm run deploy", () => {
  async function ask(given: Values, answers: string[]) {
    const world = makeTree(undefined, answers);
    const kept: Values = {};
    const keep = async (name: string, value: string) => void Object.assign(kept, { [name]: value });
    const values = await askOpenQuestions(given, { world, workersDev: undefined, keep, check: async () => undefined });
    return { values, kept, asked: world.asked, said: world.said() };
  }

  const RESEND = {
    PRODUCT_NAME: "Example",
    MAIL_TRANSPORT: "resend",
    MAIL_FROM: "a@example.com",
    RESEND_API_KEY: "re_123456789",
  };

  it("take a host name for an https address, and insist on an answer", async () => {
    const { values, said, asked } = await ask(RESEND, ["", "auth.example.com"]);
    expect(values.PUBLIC_URL).toBe("https://auth.example.com");
    expect(said).toContain("PUBLIC_URL is needed.\n");
    expect(asked).toEqual(["PUBLIC_URL: ", "PUBLIC_URL: "]);
  });

  it("propose the encryption that is usual on the port, and take no user name for none", async () => {
    const given = {
      PUBLIC_URL: "https://auth.example.com",
      PRODUCT_NAME: "Example",
      MAIL_TRANSPORT: "smtp",
      MAIL_FROM: "a@example.com",
      SMTP_HOST: "smtp.example.com",
    };
    const usual = await ask(given, ["", "", ""]);
    expect(usual.kept).toEqual({ SMTP_PORT: "587", SMTP_TLS: "starttls", SMTP_USER: "" });
    const encrypted = await ask(given, ["465", "", ""]);
    expect(encrypted.asked).toEqual(["SMTP_PORT [587]: ", "SMTP_TLS [implicit]: ", "SMTP_USER: "]);
  });
});

describe("npm run deploy", () => {
  beforeEach(async () => {
    const cloud = await startCloudflare();
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", cloud.base);
    vi.stubEnv("CLOUDFLARE_API_TOKEN", undefined);
    vi.stubEnv("CLOUDFLARE_ACCOUNT_ID", undefined);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await cloud.close();
    });
  });

  it("needs the packages", async () => {
    const tree = makeTree();
    expect(await deploy([], tree)).toBe(1);
    expect(tree.complained()).toContain("The packages are not installed yet. Run `npm ci` first.");
  });

  it("deploys nothing where nobody answers the last question", async () => {
    const checkout = makeCheckout({ answers: ANSWERS.slice(0, -1) });
    expect(await checkout.run()).toBe(1);
    expect(checkout.asked.at(-1)).toContain("Deploy postern (production)");
    expect(checkout.complained()).toMatch(/Stopped at a question\.[\s\S]+it continues where this run ended/);
    expect(checkout.calls().map(([command]) => command)).toEqual(["auth"]);
  });

  it("fails a dry run in which nobody can be asked for what is missing", async () => {
    const checkout = makeCheckout();
    expect(await checkout.run(["--dry-run"]), checkout.complained()).toBe(1);
    expect(checkout.said()).toContain("MAIL_FROM");
    expect(checkout.said()).toContain("Nothing changed.");
  });
});

describe("What npm run deploy leaves to do", () => {
  async function listWhatIsLeft(superusers: object[], values: Values, isFirst: boolean) {
    vi.spyOn(globalThis, "fetch").mockImplementation(async () =>
      Response.json({ success: true, result: [{ results: superusers }] }),
    );
    onTestFinished(() => void vi.restoreAllMocks());
    const world = makeCheckout();
    const { root, stop } = world;
    const wrangler = findWrangler(root);
    if (wrangler === undefined) throw new Error("The checkout has no stand-in for wrangler.");
    const environment = "production";
    const setting = {
      ...{ world, wrangler, environment, outside: OUTSIDE, isDryRun: false, account: "an-account", worker: "postern" },
      file: openDeploymentFile(root, environment),
      cloudflare: openCloudflare({ type: "api_token", token: TOKEN }, stop),
      deployment: await readDeployment(root, environment),
    };
    await sayWhatIsLeft(setting, "a-database", values, isFirst);
    return world.said();
  }

  it("is nothing once there is a superuser", async () => {
    expect(await listWhatIsLeft([{ id: "1" }], {}, false)).toBe("\nNothing is left to do.\n");
  });

  it("is the DNS of the sender's domain after the first deployment, also where that is not known", async () => {
    expect(await listWhatIsLeft([{ id: "1" }], { MAIL_FROM: "Example <a@example.com>" }, true)).toMatch(
      /1\. Let receivers .* to the DNS of example\.com\.\n {2}2\. .*ALLOWED_ORIGINS/,
    );
    const unknown = await listWhatIsLeft([], { ALLOWED_ORIGINS: "https://app.example.com" }, true);
    expect(unknown).toMatch(/1\. Make the first superuser: .*\n {2}2\. .* to the DNS of your domain\.\n {2}3\. Set up/);
    expect(unknown).not.toContain("ALLOWED_ORIGINS");
  });
});
