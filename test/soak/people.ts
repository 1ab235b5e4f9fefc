/** Simulates people who register, use the service for a while, and stop using it or delete their account. */
import { setTimeout as pause } from "node:timers/promises";
import { type Answer, type Asked, ask, issuedIn, NoAnswer } from "../crash/client.ts";
import type { SeededRandom } from "../measure/seeded-random.ts";

interface Crowd {
  origin: string;
  random: SeededRandom;
  /** The mean pause between two requests of one person, in milliseconds. */
  rest: number;
  /** The token of the link in the newest email to an address. */
  linkFor(email: string): string | undefined;
  isOver(): boolean;
  answered(name: string, answer: Answer, milliseconds: number): void;
}

interface Person {
  email: string;
  username: string;
  password: string;
  /** Each person has their own network, because limits count by network. */
  network: string;
}

/** How many people keep an unused account. If there are more, the one who left first comes back and deletes theirs. */
const IDLE = 8;
/** How often a person checks for an email before giving up. */
const LOOKS = 40;

export function createPeople(crowd: Crowd) {
  const { origin, random } = crowd;
  const idle: Person[] = [];
  let made = 0;

  async function send(name: string, { network }: Person, asked: Asked): Promise<Answer> {
    await pause(2 * random.fraction() * crowd.rest);
    const startedAt = performance.now();
    const answer = await ask(origin, { ...asked, network });
    crowd.answered(name, answer, performance.now() - startedAt);
    return answer;
  }

  async function logIn(person: Person) {
    const { email, password } = person;
    const { said, body } = await send("log in", person, { path: "/api/v1/auth/login", body: { email, password } });
    return said === "200" ? issuedIn(body) : undefined;
  }

  /** Registers. Returns whether the account is verified: one person in four never opens the email. */
  async function join(person: Person): Promise<boolean> {
    const { email, username, password } = person;
    const body = { email, username, password };
    const { said } = await send("register", person, { path: "/api/v1/auth/register", body });
    if (said !== "202" || random.below(4) === 0) return false;
    for (let looks = 0; looks < LOOKS; looks++) {
      const token = crowd.linkFor(email);
      if (token !== undefined) {
        return (await send("verify", person, { path: "/api/v1/auth/verify-email", body: { token } })).said === "200";
      }
      await pause(50);
    }
    return false;
  }

  /** Logs in and refreshes a few times. Then stops without a logout, or logs out in one of several ways. */
  async function use(person: Person): Promise<void> {
    if (random.below(3) === 0) {
      const body = { email: person.email, password: "a wrong guess at it" };
      await send("guess", person, { path: "/api/v1/auth/login", body });
    }
    let tokens = await logIn(person);
    for (let times = random.below(4); tokens !== undefined && times > 0; times--) {
      await send("read", person, { method: "GET", path: "/api/v1/users/me", bearer: tokens.accessToken });
      const body = { refresh_token: tokens.refreshToken };
      const { said, body: answer } = await send("refresh", person, { path: "/api/v1/auth/refresh", body });
      tokens = said === "200" ? issuedIn(answer) : undefined;
    }
    if (tokens === undefined || random.below(2) === 0) return;
    if (random.below(3) === 0) {
      const body = { current_password: person.password, new_password: `${person.password} again` };
      const asked: Asked = { path: "/api/v1/users/change-password", body, bearer: tokens.accessToken };
      if ((await send("change the password", person, asked)).said === "204") person.password = body.new_password;
    }
    const all = random.below(2) === 0;
    await send("log out", person, { path: "/api/v1/auth/logout", body: { refresh_token: tokens.refreshToken, all } });
  }

  async function leave(person: Person): Promise<void> {
    const tokens = await logIn(person);
    if (tokens === undefined) {
      idle.push(person);
      return;
    }
    const { password } = person;
    const asked: Asked = { method: "DELETE", path: "/api/v1/users/me", body: { password }, bearer: tokens.accessToken };
    if ((await send("delete the account", person, asked)).said !== "204") idle.push(person);
  }

  return {
    /** How many people have come so far. */
    made: () => made,
    /** Simulates one person after the other until the run is over. */
    async come(): Promise<void> {
      while (!crowd.isOver()) {
        made += 1;
        const name = `person-${made}`;
        const network = `10.${made >> 16}.${(made >> 8) & 255}.${made & 255}`;
        const person = { email: `${name}@example.com`, username: name, password: "correct horse battery", network };
        try {
          if (!(await join(person))) continue;
          await use(person);
          idle.push(person);
          const first = idle.length > IDLE ? idle.shift() : undefined;
          if (first !== undefined) await leave(first);
        } catch (error) {
          // A missing answer is reported to the crowd, like any answer. Any other error is a fault of this program.
          if (!(error instanceof NoAnswer)) throw error;
          crowd.answered("nothing", { said: error.message, body: undefined }, 0);
        }
      }
    },
  };
}
