/** The users whose names, tokens and ids hostile requests use, so that requests also get behind the authorization. */
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { expect } from "vitest";
import { invitationState, recoveryState } from "../../src/links/link-states.ts";
import { type LinkPurpose, linkHash, signLink } from "../../src/links/link-tokens.ts";
import { loginCode } from "../../src/links/login-requests.ts";
import { createId } from "../../src/platform/random.ts";
import { newProfile } from "../../src/users/profile-fields.ts";
import { userEtag } from "../../src/users/user.ts";
import { get, post } from "../support/client.ts";
import { undelivered } from "../support/emails.ts";
import { neverLog } from "../support/logs.ts";
import { coldIsolate, NOTHING_FOLLOWS } from "../support/services.ts";
import { Holder, Recruit } from "./holder.ts";

/** A part of every secret here. No response and no log line may contain it. */
export const CANARY = "c4nary-7f3e";
/** The domain of all email addresses here. Responses may contain it, but log lines may not. */
export const DOMAIN = "canary.example";

type Send = (request: Request) => Promise<Response>;
type Standing = "user" | "superuser";

interface Member {
  id: string;
  email: string;
  username: string;
  password: string;
  access: string;
  refresh: string;
  session: string;
}

const HOUR = 3_600_000;
/** How long a login is treated as recent, in milliseconds. Shorter than the service allows. */
const RECENT = 10 * 60_000;
let made = 0;

export class Cast {
  /** The values of placeholders such as `<<user.access>>`, which are known only when a request is sent. */
  readonly words = new Map<string, string>();
  /** Whether a user may have lost their session, role or account. */
  isInDoubt = true;
  /** The target's ETag when the links were signed. Using a link changes the ETag. */
  #version: string | null = null;
  #services = coldIsolate();
  #send: Send;
  #holder: Holder | undefined;
  #recruit: Recruit | undefined;

  constructor(send: Send) {
    this.#send = send;
    for (const text of [CANARY, DOMAIN]) neverLog(text);
  }

  /** Restores the users whom earlier requests have logged out, changed or deleted. */
  async rally(): Promise<void> {
    if (this.#holder !== undefined) this.#tell("holder", await this.#holder.codes());
    if (this.#recruit !== undefined) this.words.set("recruit.code", await this.#recruit.code());
    if (!this.isInDoubt) return;
    this.isInDoubt = false;
    // A second superuser, because without one the superuser could not be demoted or deleted.
    if (!this.words.has("anchor.id")) this.#tell("anchor", await this.#create("superuser"));
    await this.#rally("user", "user");
    await this.#rally("superuser", "superuser");
    await this.#rallyHolder();
    await this.#rallyRecruit();
    const bearer = this.words.get("superuser.access");
    const target = await get(`/api/v1/users/${this.words.get("target.id")}`, { bearer }, this.#send);
    const isLost = target.json?.role !== "user" || !target.json.is_active;
    if (isLost) this.#tell("target", await this.#create("user"));
    await this.#openTargetSession();
    await this.#inviteGuest();
    if (!isLost && target.headers.get("ETag") === this.#version && !(await this.#isInvitationUsed())) return;
    await this.#signLinks();
  }

  /** Opens a new session if an operator has ended the target's session. A login would change the target. */
  async #openTargetSession(): Promise<void> {
    const { sessions, users } = this.#services;
    const [id = "", session = ""] = ["target.id", "target.session"].map((word) => this.words.get(word));
    if ((await sessions.epochOf(id, session)) !== null) return;
    const origin = { deviceName: null, userAgent: null, ipAddress: null, device: "none" };
    const next = crypto.randomUUID();
    await sessions.create(id, next, (await users.find(id))?.sessionEpoch ?? 0, origin, ["pwd"]);
    this.words.set("target.session", next);
  }

  /** Asks the database, because an invitation has no user yet whose ETag would show that it was used. */
  async #isInvitationUsed(): Promise<boolean> {
    const [email = "", token = ""] = ["invitation.email", "invitation.link"].map((word) => this.words.get(word));
    const used = { invitationId: crypto.randomUUID(), email, link: linkHash(token) };
    return (await this.#services.invitations.refuseSpent(used, false)) !== undefined;
  }

  /** Adds a new invitation if an operator has revoked the last one. */
  async #inviteGuest(): Promise<void> {
    const { clock, invitations, random } = this.#services;
    if ((await invitations.find(this.words.get("guest.invitation") ?? "")) !== undefined) return;
    const now = clock.now();
    const id = createId(now, random);
    made += 1;
    const guest = {
      id,
      email: `guest-${made}@${DOMAIN}`,
      locale: "en",
      invitedBy: this.words.get("superuser.id") ?? "",
    };
    await invitations.add({ ...guest, createdAt: now, expiresAt: now + HOUR }, NOTHING_FOLLOWS);
    this.words.set("guest.invitation", id);
  }

  async #rally(name: string, standing: Standing): Promise<void> {
    const me = await get("/api/v1/users/me", { bearer: this.words.get(`${name}.access`) }, this.#send);
    if (me.status === 200 && me.json.is_superuser === (standing === "superuser") && this.#isRecent(name)) return;
    const login = { email: this.words.get(`${name}.email`), password: this.words.get(`${name}.password`) };
    const again = await this.#logIn(login);
    this.#tell(name, again?.standing === standing ? again : await this.#create(standing));
  }

  /** Makes sure that the holder has recently logged in with a second factor and can prove it again. */
  async #rallyHolder(): Promise<void> {
    const me = await get("/api/v1/users/me", { bearer: this.words.get("holder.access") }, this.#send);
    const isGood = me.status === 200 && this.#isRecent("holder") && (await this.#holder?.isEnrolled());
    if (!isGood) await this.#createHolder();
    await this.#prepareHolder();
  }

  #isRecent(name: string): boolean {
    const { auth_time = 0 } = decodeJwt<{ auth_time: number }>(this.words.get(`${name}.access`) ?? "");
    return Date.now() - auth_time * 1_000 < RECENT;
  }

  async #createHolder(): Promise<void> {
    const member = await this.#create("user");
    const holder = new Holder(this.#services, member.id);
    await holder.enrol();
    this.#holder = holder;
    this.#tell("holder", member);
    await this.#prepareHolder();
    const [pending_token, recovery_code] = [this.words.get("holder.pending"), this.words.get("holder.recovery")];
    const { json, text } = await post("/api/v1/auth/second-factor", { pending_token, recovery_code }, {}, this.#send);
    expect(json.access_token, text).toBeDefined();
    this.#tell("holder", { access: json.access_token, refresh: json.refresh_token, session: json.session_id });
  }

  async #prepareHolder(): Promise<void> {
    const holder = this.#holder;
    if (holder !== undefined) this.#tell("holder", { ...(await holder.prepare()), ...(await holder.codes()) });
  }

  async #rallyRecruit(): Promise<void> {
    if (this.#recruit === undefined || !(await this.#recruit.isWaiting())) {
      this.#recruit = new Recruit(this.#services, (await this.#create("user")).id);
    }
    this.#tell("recruit", { ...(await this.#recruit.prepare()), code: await this.#recruit.code() });
  }

  async #logIn(login: { email: string | undefined; password: string | undefined }) {
    if (login.email === undefined || login.password === undefined) return undefined;
    const { json, status } = await post("/api/v1/auth/login", login, {}, this.#send);
    if (status !== 200) return undefined;
    const { id, email, username, is_superuser } = json.user;
    const standing: Standing = is_superuser ? "superuser" : "user";
    const { access_token: access, refresh_token: refresh, session_id: session } = json;
    return { id, email, username, password: login.password, access, refresh, session, standing };
  }

  /** Adds a user to the database, as a registration would have left it, and logs in. */
  async #create(standing: Standing): Promise<Member> {
    made += 1;
    const { clock, passwords, random } = this.#services;
    const email = `member-${made}@${DOMAIN}`;
    const password = `${CANARY} password of ${made}`;
    const hashed = await passwords.hash(password);
    const [role, flag] = standing === "superuser" ? ["admin", 1] : ["user", 0];
    const now = clock.now();
    await env.DB.prepare(
      "INSERT INTO users (id, email, username, password_hash, role, is_superuser, is_verified, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
    )
      .bind(createId(now, random), email, `member-${made}`, "hash" in hashed ? hashed.hash : "", role, flag, now, now)
      .run();
    const member = await this.#logIn({ email, password });
    expect(member?.standing).toBe(standing);
    if (member === undefined) throw new Error("A new member of the cast can't log in.");
    return member;
  }

  /** One valid link of each kind: registration, recovery, login, change of address, its undo, and invitation. */
  async #signLinks(): Promise<void> {
    const { clock, emailChanges, random, registrations, users } = this.#services;
    const now = clock.now();
    const id = () => createId(now, random);
    const [registrationId, changeId] = [id(), id()];
    made += 1;
    await registrations.add(
      {
        id: registrationId,
        email: `waiting-${made}@${DOMAIN}`,
        username: `waiting-${made}`,
        passwordHash: "!",
        ...newProfile({}),
        locale: "en",
        createdAt: now,
      },
      0,
      NOTHING_FOLLOWS,
    );
    this.words.set("undelivered.id", await undelivered());
    const user = await users.find(this.words.get("target.id") ?? "");
    if (user === undefined) throw new Error("The target is not in the directory.");
    this.#version = userEtag(user);
    const { email: oldEmail, sessionEpoch } = user;
    const change = { id: changeId, userId: user.id, oldEmail, newEmail: `moved-${made}@${DOMAIN}`, sessionEpoch };
    await emailChanges.request({ ...change, requestedAt: now, confirmedAt: null, undoneAt: null }, NOTHING_FOLLOWS);
    const { secrets } = this.#services;
    const sign = (purpose: LinkPurpose, subjectId: string, state: (string | number)[], mailId = id()) =>
      signLink(purpose, { subjectId, expiresAt: now + 20 * HOUR, mailId, state }, secrets);
    const mailId = id();
    this.words.set("login.link", sign("email-login", user.id, recoveryState(user), mailId));
    this.words.set("login.code", loginCode(mailId, secrets));
    this.words.set("verify.link", sign("verify-email", registrationId, []));
    this.words.set("reset.link", sign("reset-password", user.id, recoveryState(user)));
    this.words.set("confirm.link", sign("confirm-email", changeId, []));
    this.words.set("undo.link", sign("undo-email-change", changeId, []));
    const invited = `invited-${made}@${DOMAIN}`;
    this.words.set("invitation.email", invited);
    this.words.set("invitation.username", `invited-${made}`);
    this.words.set("invitation.link", sign("invitation", id(), invitationState(invited)));
  }

  #tell(name: string, member: Partial<Member> | Record<string, string>): void {
    for (const [field, value] of Object.entries(member)) this.words.set(`${name}.${field}`, value);
  }
}
