import { describe, expect, it } from "vitest";
import { quoteClient } from "../src/mail/client-words.ts";
import { cutText } from "../src/platform/cut-text.ts";
import { get } from "./support/client.ts";
import { eventsOf, logIn, registered } from "./support/people.ts";

/** Characters that consist of several code units or code points, by their description. */
const CHARACTERS = {
  "a surrogate pair": "\u{1f389}",
  "a letter with an accent of its own": "e\u0301",
  "a family": "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}",
  "a skin tone": "\u{1f44b}\u{1f3fd}",
  "a flag": "\u{1f1e9}\u{1f1ea}",
  "a keycap": "1\ufe0f\u20e3",
  "a Hangul syllable in parts": "\u1112\u1161\u11ab",
  "a line break": "\r\n",
};

describe("text that is cut", () => {
  it.each(Object.entries(CHARACTERS))("ends with a whole character: %s", (_, character) => {
    const text = `a${character.repeat(100)}`;
    for (let most = 1; most < 40; most++) {
      const whole = Math.floor((most - 1) / character.length);
      expect(cutText(text, most)).toBe(`a${character.repeat(whole)}`);
    }
  });

  it("is unchanged if it fits", () => {
    for (const text of ["", "ab", "\u{1f389}"]) expect(cutText(text, 2)).toBe(text);
  });

  it("is cut between code points if one character is longer than all that may stay", () => {
    const letter = `\u{1f389}${"\u0301".repeat(50)}`;
    expect(cutText(letter, 10)).toBe(letter.slice(0, 10));
    expect(cutText(letter, 1)).toBe("");
  });

  it.each(Object.entries(CHARACTERS).filter(([name]) => name !== "a line break" && name !== "a family"))(
    "ends with a whole character in an email: %s",
    (_, character) => {
      const codePoints = [...character].length;
      const whole = Math.floor(159 / codePoints);
      expect(quoteClient(character.repeat(500))).toBe(`${character.repeat(whole)}…`);
      expect(quoteClient(character.repeat(whole))).toBe(character.repeat(whole));
    },
  );

  it.each([0, 1, 2, 3])(
    "ends with a whole character in sessions and audit events: %i letters before",
    async (letters) => {
      const character = "\u{1f469}\u{1f3fd}";
      const agent = `${"x".repeat(500 + letters)}${character.repeat(20)}`;
      const { accessToken, userId } = await logIn(await registered(), {}, { headers: { "User-Agent": agent } });
      const kept = agent.slice(0, 500 + letters + Math.floor((12 - letters) / 4) * 4);
      const sessions = await get("/api/v1/users/me/sessions", { bearer: accessToken });
      expect(sessions.json.items).toMatchObject([{ user_agent: kept }]);
      expect(await eventsOf(userId, "login_succeeded")).toMatchObject([{ user_agent: kept }]);
    },
  );
});
