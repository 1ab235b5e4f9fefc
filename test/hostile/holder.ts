/** The members of the cast who have a second factor or set one up, and what proves the factor. */
import { factorKeyOf } from "../../src/accounts/factor-keys.ts";
import { newTotp } from "../../src/accounts/new-totp.ts";
import { sealEnrolment, sealPendingLogin } from "../../src/factors/pending-login.ts";
import { createRecoveryCodes, recoveryCodeMac } from "../../src/factors/recovery-codes.ts";
import { createSeed } from "../../src/factors/totp-seeds.ts";
import { HOUR } from "../../src/platform/clock.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { encodeBase32 } from "../../src/platform/encoding.ts";
import { createId } from "../../src/platform/random.ts";
import { codeOf } from "../support/factors.ts";
import type { coldIsolate } from "../support/services.ts";

type Services = ReturnType<typeof coldIsolate>;

/** Milliseconds: longer than any run. */
const LONG = 86_400_000;

interface App {
  id: string;
  secret: string;
}

/** A user whose login waits for a new second factor, and who has begun to set one up. */
export class Recruit {
  readonly #services: Services;
  readonly #userId: string;
  #app: App | undefined;

  constructor(services: Services, userId: string) {
    this.#services = services;
    this.#userId = userId;
  }

  /** Whether the user still has no factor. */
  async isWaiting(): Promise<boolean> {
    return (await this.#services.factors.list(this.#userId)).items.length === 0;
  }

  async prepare(): Promise<Record<"enrolment", string>> {
    const user = await this.#services.users.find(this.#userId);
    if (user === undefined) throw new Error("The recruit is not in the directory.");
    const { stored, shown } = await newTotp(this.#services, user);
    await this.#services.factors.changesBy({ userId: user.id, hasProvedFactor: false }).addTotp(stored);
    this.#app = shown;
    const login = {
      userId: user.id,
      by: "password" as const,
      epoch: user.sessionEpoch,
      deviceName: null,
      cookie: false,
      isAnnounced: false,
    };
    return { enrolment: await sealEnrolment(login, LONG, this.#services) };
  }

  /** What the app shows now. */
  async code(): Promise<string> {
    return this.#app === undefined ? "" : codeOf(this.#app.secret);
  }
}

/** Far fewer factors than a user may have. */
const MANY_FACTORS = 10;

/** A user with a confirmed authenticator app, and with another app that waits for its confirmation. */
export class Holder {
  readonly #services: Services;
  readonly #userId: string;
  #app: App | undefined;
  #waiting: App | undefined;

  constructor(services: Services, userId: string) {
    this.#services = services;
    this.#userId = userId;
  }

  async enrol(): Promise<void> {
    const app = await this.#addApp();
    const code = await codeOf(app.secret);
    await this.#own.confirmTotp({ kind: "totp", code, key: await this.#key() }, []);
    this.#app = app;
  }

  /** Whether the confirmed app is still there, and the user may still add factors. */
  async isEnrolled(): Promise<boolean> {
    const { items } = await this.#services.factors.list(this.#userId);
    return items.length < MANY_FACTORS && items.some(({ id }) => id === this.#app?.id);
  }

  /** A login that waits for the factor, an unused recovery code, the factor's id, and an unused trusted device. */
  async prepare(): Promise<Record<"device" | "factor" | "pending" | "recovery", string>> {
    const { random } = this.#services;
    this.#waiting = await this.#addApp();
    const [recovery = "", other = ""] = createRecoveryCodes(random);
    const secrets = createSecrets(await this.#key());
    await this.#own.replaceRecoveryCodes([recovery, other].map((code) => recoveryCodeMac(code, secrets)));
    const device = await this.#trustDevice(other);
    const { factorKey, sessionEpoch: epoch } = await this.#user();
    const login = {
      userId: this.#userId,
      epoch,
      by: "password" as const,
      factorKey: factorKey ?? "",
      deviceName: null,
    };
    const pending = await sealPendingLogin({ ...login, cookie: false, isAnnounced: false }, this.#services);
    return { device, factor: this.#app?.id ?? "", pending, recovery };
  }

  /** The codes that the apps show now. */
  async codes(): Promise<Record<"totp" | "confirmation", string>> {
    const shown = async (app: App | undefined) => (app === undefined ? "" : codeOf(app.secret));
    return { totp: await shown(this.#app), confirmation: await shown(this.#waiting) };
  }

  /** Trusts a device, in a session that is ended again. Uses up the recovery code. */
  async #trustDevice(code: string): Promise<string> {
    const { clock, random, sessions } = this.#services;
    const id = createId(clock.now(), random);
    const origin = { deviceName: "A laptop", userAgent: null, ipAddress: null, device: "a laptop" };
    const proof = { kind: "recovery_code", code, key: await this.#key() } as const;
    const step = { isExpected: true, proof, trustUntil: clock.now() + HOUR };
    await sessions.create(this.#userId, id, (await this.#user()).sessionEpoch, origin, ["pwd"], step);
    await sessions.end(this.#userId, id);
    return id;
  }

  async #addApp(): Promise<App> {
    const { clock, random } = this.#services;
    const id = createId(clock.now(), random);
    const { seed, sealedSeed } = await createSeed(id, createSecrets(await this.#key()), random);
    await this.#own.addTotp({ id, name: "A phone", sealedSeed });
    return { id, secret: encodeBase32(seed) };
  }

  get #own() {
    return this.#services.factors.changesBy({ userId: this.#userId, hasProvedFactor: true });
  }

  async #key(): Promise<string> {
    return factorKeyOf(this.#services, await this.#user());
  }

  async #user() {
    const user = await this.#services.users.find(this.#userId);
    if (user === undefined) throw new Error("The holder of a second factor is not in the directory.");
    return user;
  }
}
