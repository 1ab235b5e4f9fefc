import { describe, expect, it } from "vitest";
import { constantTimeEqual, createSecrets } from "../src/platform/crypto.ts";
import { utf8 } from "../src/platform/encoding.ts";
import { Hops, StorageUnavailable } from "../src/platform/hops.ts";
import { describeError } from "../src/platform/log.ts";
import { createId, earliestId, systemRandom } from "../src/platform/random.ts";

const secret = "one secret that is long enough to be one";

describe("Hops", () => {
  it("counts the longest chain of round trips, not their number", async () => {
    const hops = new Hops({ now: () => 0 });
    const trip = (milliseconds: number) => hops.hop("d1", () => new Promise((done) => setTimeout(done, milliseconds)));
    await Promise.all([trip(1), trip(5), trip(10)]);
    expect(hops.sequential).toBe(1);
    await Promise.all([trip(1).then(() => trip(1)), trip(15)]);
    expect(hops.sequential).toBe(3);
    expect(hops.made).toHaveLength(6);
  });

  it("tells a failed round trip from every other failure, and counts it", async () => {
    const hops = new Hops({ now: () => 0 });
    const failed = hops.hop("kv", () => Promise.reject(new Error("out")));
    await expect(failed).rejects.toBeInstanceOf(StorageUnavailable);
    expect(hops.made).toHaveLength(1);
  });
});

describe("createId", () => {
  it("makes UUIDv7 ids that sort by their time", () => {
    const id = createId(0x0123456789ab, systemRandom);
    expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(createId(1_000, systemRandom) < createId(1_001, systemRandom)).toBe(true);
  });
});

describe("secrets", () => {
  const data = utf8("data");

  it("separate purposes: what is sealed for one does not pass for another", async () => {
    const secrets = createSecrets(secret);
    const tag = secrets.sign("refresh-token", data);
    expect(secrets.verify("refresh-token", data, tag)).toBe(true);
    expect(secrets.verify("link/verify-email", data, tag)).toBe(false);
    const sealed = await secrets.seal("signing-key", data, "kid", systemRandom);
    expect(await secrets.open("signing-key", sealed, "kid")).toEqual({ plaintext: data, isCurrent: true });
    expect(await secrets.open("signing-key", sealed, "another kid")).toBeUndefined();
    expect(await secrets.open("another purpose", sealed, "kid")).toBeUndefined();
  });

  it("seal with a fresh nonce each time", async () => {
    const secrets = createSecrets(secret);
    const [first, second] = [
      await secrets.seal("p", data, "c", systemRandom),
      await secrets.seal("p", data, "c", systemRandom),
    ];
    expect(first.subarray(0, 12)).not.toEqual(second.subarray(0, 12));
  });

  it("accept the previous secret, and sign with the current one", async () => {
    const [before, after] = [createSecrets(secret), createSecrets("another secret that is long enough too", secret)];
    expect(after.verify("p", data, before.sign("p", data))).toBe(true);
    expect(before.verify("p", data, after.sign("p", data))).toBe(false);
    const [old, fresh] = [
      await before.seal("p", data, "c", systemRandom),
      await after.seal("p", data, "c", systemRandom),
    ];
    expect(await after.open("p", old, "c")).toEqual({ plaintext: data, isCurrent: false });
    expect(await after.open("p", fresh, "c")).toEqual({ plaintext: data, isCurrent: true });
    expect(await before.open("p", fresh, "c")).toBeUndefined();
  });

  it("compare values of equal and of different lengths in constant time", () => {
    expect(constantTimeEqual(utf8("a"), utf8("a"))).toBe(true);
    expect(constantTimeEqual(utf8("a"), utf8("b"))).toBe(false);
    expect(constantTimeEqual(utf8("a"), utf8("ab"))).toBe(false);
  });
});

describe("describeError", () => {
  it("keeps the innermost message, without what stands in quotes, and never the outer ones", () => {
    const inner = new Error(`UNIQUE constraint failed for 'ada@example.com'`);
    const outer = new Error("Failed query: insert … params: ada@example.com,hunter2", { cause: inner });
    expect(describeError(outer)).toBe("Error < Error: UNIQUE constraint failed for …");
    expect(describeError("a text that was thrown, secret and all")).toBe(": string");
    const endless = new Error("round and round");
    endless.cause = endless;
    expect(describeError(endless)).toContain("Error < Error");
  });
});

describe("the earliest id of a moment", () => {
  it("comes after every id of before, and before every one of then; nothing is older than the epoch", () => {
    const time = Date.UTC(2026, 10, 24);
    expect(earliestId(time) > createId(time - 1, systemRandom)).toBe(true);
    expect(earliestId(time) <= createId(time, systemRandom)).toBe(true);
    expect(earliestId(-1)).toBe(earliestId(0));
    expect(earliestId(Date.UTC(9999, 11, 31)) > earliestId(time)).toBe(true);
  });
});
