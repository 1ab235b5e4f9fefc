import { describe, expect, it } from "vitest";
import type { ScryptEngine } from "../../src/passwords/hash-format.ts";
import { createHashingLane, turnsBetweenHashes } from "../../src/passwords/hashing-lane.ts";
import { createPasswords } from "../../src/passwords/passwords.ts";
import {
  asImported,
  chooseEngine,
  hashPassword,
  nativeEngine,
  needsRehash,
  portableEngine,
  readScrypt,
} from "../../src/passwords/scrypt.ts";
import { pause, systemClock } from "../../src/platform/clock.ts";
import { encodeHex, utf8 } from "../../src/platform/encoding.ts";
import { NO_METER } from "../../src/platform/meter.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { atOnce } from "../support/client.ts";

const PRODUCTION = { ln: 15, r: 8, p: 3 };
const CHEAP = { ln: 4, r: 8, p: 1 } as const;
const verifyPassword = (password: string, stored: string, scrypt: ScryptEngine) => {
  const reading = readScrypt(stored);
  const argon2 = () => new Uint8Array();
  return reading !== undefined && "verify" in reading && reading.verify(password, { scrypt, argon2 });
};
const engines = [
  ["native", nativeEngine],
  ["portable", portableEngine],
] as const;

describe.each(engines)("the %s scrypt engine", (_name, engine) => {
  // RFC 7914 §12. The fourth vector needs 1 GiB, which no Worker has.
  it.each([
    [
      "",
      "",
      { ln: 4, r: 1, p: 1 },
      "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
    ],
    [
      "password",
      "NaCl",
      { ln: 10, r: 8, p: 16 },
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
    ],
    [
      "pleaseletmein",
      "SodiumChloride",
      { ln: 14, r: 8, p: 1 },
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    ],
  ])("computes the RFC 7914 vector of %j and %j [PS-5]", (password, salt, cost, expected) => {
    expect(encodeHex(engine(utf8(password), utf8(salt), cost, 64))).toBe(expected);
  });

  it("agrees with the other on a password in production's r and p", () => {
    const input = [utf8("correct horse battery staple"), utf8("sixteen bytes of")] as const;
    const cost = { ...PRODUCTION, ln: 10 };
    expect(encodeHex(engine(...input, cost, 32))).toBe(encodeHex(nativeEngine(...input, cost, 32)));
  });
});

describe("chooseEngine", () => {
  it("takes the platform's own scrypt, and the portable one where there is none", () => {
    expect(chooseEngine()).toBe(nativeEngine);
    expect(chooseEngine({})).toBe(portableEngine);
  });
});

describe("password hashes", () => {
  it("are PHC strings at the production cost, salted afresh each time [PS-1, PS-2]", () => {
    const [first, second] = [1, 2].map(() => hashPassword("correct horse", PRODUCTION, systemRandom, nativeEngine));
    expect(first).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    const salts = [first, second].map((hash) => hash?.split("$")[3] ?? "");
    for (const salt of salts) expect(atob(salt)).toHaveLength(16);
    expect(salts[0]).not.toBe(salts[1]);
    expect(verifyPassword("correct horse", first ?? "", nativeEngine)).toBe(true);
    expect(verifyPassword("incorrect horse", first ?? "", nativeEngine)).toBe(false);
  });

  it("are verified by either engine", () => {
    const stored = hashPassword("correct horse", CHEAP, systemRandom, nativeEngine);
    expect(verifyPassword("correct horse", stored, portableEngine)).toBe(true);
  });

  it.each([
    "",
    "garbage",
    "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
    "$scrypt$ln=0,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=17,r=8,p=2$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=20,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=015,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAB$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
  ])("that read %j match nothing and cost nothing [PS-4]", (stored) => {
    const never: ScryptEngine = () => {
      throw new Error("computed");
    };
    expect(verifyPassword("anything", stored, never)).toBe(false);
  });

  it("are due for a new one when any parameter differs", () => {
    const stored = hashPassword("correct horse", CHEAP, systemRandom, nativeEngine);
    expect(needsRehash(stored, CHEAP)).toBe(false);
    for (const change of [{ ln: 5 }, { r: 4 }, { p: 2 }]) {
      expect(needsRehash(stored, { ...CHEAP, ...change })).toBe(true);
    }
  });

  it("are due for a new one when they were imported, even at the same cost", () => {
    const stored = hashPassword("correct horse", CHEAP, systemRandom, nativeEngine);
    expect(asImported(stored)).toBe(`${stored}=`);
    expect(asImported(asImported(stored)), "padded already").toBe(`${stored}=`);
    const long = `$scrypt$ln=4,r=8,p=1$${"A".repeat(22)}$${"A".repeat(86)}`;
    expect(asImported(long)).toBe(`${long}==`);
    for (const hash of [stored, long]) expect(needsRehash(asImported(hash), CHEAP)).toBe(true);
    expect(verifyPassword("correct horse", asImported(stored), nativeEngine)).toBe(true);
  });
});

describe("checking a password", () => {
  it("computes both hashes for a stored hash of another cost, whether or not it matches", async () => {
    const costs: unknown[] = [];
    const counting: ScryptEngine = (password, salt, cost, length) => {
      costs.push(cost);
      return nativeEngine(password, salt, cost, length);
    };
    const config = { minimumLength: 15, scrypt: { ...CHEAP, ln: 6 }, laneLength: 4 };
    const passwords = createPasswords(config, createHashingLane(4, 0, systemClock), systemRandom, NO_METER, counting);
    const stored = hashPassword("the right one", CHEAP, systemRandom, nativeEngine);
    for (const password of ["a wrong one", "the right one"]) {
      costs.length = 0;
      await passwords.check(password, stored);
      expect(costs, password).toEqual([CHEAP, config.scrypt]);
    }
  });
});

describe("the hashing lane", () => {
  it("lets one work and a few wait, first come first served, and refuses the rest", async () => {
    const lane = createHashingLane(2, 1, systemClock);
    const order: number[] = [];
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map((place) => lane.run(() => order.push(place) && place)));
    expect(outcomes).toEqual([1, 2, 3, undefined, undefined]);
    expect(order).toEqual([1, 2, 3]);
    expect(await lane.run(() => "free again")).toBe("free again");
  });

  it("gives the place back when the work throws", async () => {
    const lane = createHashingLane(0, 1, systemClock);
    const failing = lane.run(() => {
      throw new Error("out of memory");
    });
    await expect(failing).rejects.toThrow("out of memory");
    expect(await lane.run(() => true)).toBe(true);
  });

  it("lets everybody else have a turn between two hashes", async () => {
    const lane = createHashingLane(8, 1, systemClock);
    const events: string[] = [];
    const others = (async () => {
      for (let turn = 0; turn < 40; turn++) {
        await pause(0);
        events.push("other");
      }
    })();
    const hashes = Array.from({ length: 4 }, () => lane.run(() => events.push("hash")));
    await Promise.all([...hashes, others]);
    const positions = events.flatMap((event, index) => (event === "hash" ? [index] : []));
    for (const [index, position] of positions.slice(1).entries()) {
      expect(position - (positions[index] ?? 0)).toBeGreaterThan(1);
    }
  });

  it("lets everybody else have as many turns between two hashes as it was told", async () => {
    const lane = createHashingLane(8, 3, systemClock);
    const events: string[] = [];
    const hashes = atOnce(4, () => lane.run(() => events.push("hash")));
    const others = (async () => {
      while (events.filter((event) => event === "hash").length < 4) {
        await pause(1);
        events.push("other");
      }
    })();
    await Promise.all([hashes, others]);
    for (const between of events.join(" ").split("hash").slice(1, -1)) {
      expect(between.match(/other/g)?.length).toBeGreaterThanOrEqual(3);
    }
  });

  it("does not let a hash wait that costs too little to block anybody", async () => {
    const lane = createHashingLane(0, 0, systemClock);
    expect(await atOnce(9, () => lane.run(() => "hashed"))).toEqual(Array(9).fill("hashed"));
  });

  it("gives everybody else more turns the dearer a hash is", () => {
    expect(turnsBetweenHashes({ ln: 15, r: 8, p: 3 })).toBe(6);
    expect(turnsBetweenHashes({ ln: 17, r: 8, p: 1 })).toBe(8);
    expect(turnsBetweenHashes(CHEAP)).toBe(0);
  });
});

describe("a place in the hashing lane whose request was cancelled", () => {
  /** A lane in simulated time. A cancelled request never continues after its current wait. */
  function simulate(length: number) {
    let now = 0;
    const timers: { at: number; resolve: () => void }[] = [];
    const wait = (milliseconds: number) =>
      new Promise<void>((resolve) => void timers.push({ at: now + milliseconds, resolve }));
    const lane = createHashingLane(length, 1, { now: () => now }, wait);
    return {
      lane,
      now: () => now,
      /** Work that takes this long and blocks all other requests. */
      block: (milliseconds: number) => {
        now += milliseconds;
      },
      /** Cancels every waiting request. */
      cancel: () => timers.splice(0),
      async pass(milliseconds: number): Promise<void> {
        const end = now + milliseconds;
        for (;;) {
          timers.sort((one, other) => one.at - other.at);
          if (timers[0] === undefined || timers[0].at > end) break;
          const [timer] = timers.splice(0, 1);
          now = Math.max(now, timer?.at ?? now);
          timer?.resolve();
          // Runs everything that follows without another wait.
          await pause(0);
        }
        now = Math.max(now, end);
      },
    };
  }

  it("delays the next request for less time than a hash takes", async () => {
    const time = simulate(4);
    time.lane.run(() => "never").catch(() => {});
    time.cancel();
    let workedAt: number | undefined;
    const next = time.lane.run(() => {
      workedAt = time.now();
    });
    await time.pass(2_000);
    await next;
    expect(workedAt).toBeLessThan(300);
  });

  it("is taken by a later request after a while, even if no request may wait", async () => {
    const time = simulate(0);
    time.lane.run(() => "never").catch(() => {});
    time.cancel();
    expect(await time.lane.run(() => "in its way")).toBeUndefined();
    time.block(3_000);
    const next = time.lane.run(() => "after it lapsed");
    await time.pass(100);
    expect(await next).toBe("after it lapsed");
  });

  it("is not thought to be one of those who waited for a long hash to end", async () => {
    const time = simulate(2);
    const order: string[] = [];
    const hash = (name: string) => () => {
      time.block(5_000);
      order.push(name);
      return name;
    };
    const hashes = ["first", "second", "third"].map((name) => time.lane.run(hash(name)));
    await time.pass(5);
    const late = time.lane.run(hash("late"));
    await time.pass(60_000);
    expect(await Promise.all([...hashes, late])).toEqual(["first", "second", "third", "late"]);
    expect(order).toEqual(["first", "second", "third", "late"]);
  });
});
