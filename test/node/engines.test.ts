/** The pages in the engines of Firefox and Safari. All other tests of the pages use Chromium. */
import { afterEach, describe, expect, it } from "vitest";
import { HAS_FIREFOX, useFirefox } from "./engines/firefox.ts";
import { type Tab, until } from "./engines/tab.ts";
import { logInOnPage, walkThroughAccount, walkToAccount } from "./engines/walk.ts";
import { HAS_WEBKIT, openWebKit } from "./engines/webkit.ts";
import { countSessions, newPerson, register } from "./live-person.ts";
import { OVER_HTTPS, useService, useSharedService } from "./live-service.ts";

const ENGINES = [
  { name: "Firefox (needs Debian's firefox-esr)", open: useFirefox(), isThere: HAS_FIREFOX },
  { name: "WebKit (needs Debian's webkit2gtk-driver and xvfb)", open: openWebKit, isThere: HAS_WEBKIT },
];

const secure = useService(["RATE_LIMITING:off"], [OVER_HTTPS]);

let tab: Tab | undefined;
afterEach(async () => {
  await tab?.close();
  tab = undefined;
});

describe.each(ENGINES)("the pages in $name", ({ open, isThere }) => {
  describe.skipIf(!isThere)("over https", () => {
    it("lead from registering to an account, over a reload, and out of it again", async () => {
      tab = await open();
      const person = newPerson();
      await walkToAccount(tab, secure.origin, person);
      await walkThroughAccount(tab, secure.origin, person);
      expect(tab.complaints).toEqual([]);
    });
  });

  describe.skipIf(!isThere)("over http, as npm run dev has them", () => {
    const service = useSharedService();

    it.each(["localhost", "127.0.0.1"])("do the same on %s", async (host) => {
      tab = await open();
      const origin = service.origin.replace("localhost", host);
      const person = await register(service.origin);
      await tab.open(`${origin}/login?lang=en`);
      await logInOnPage(tab, person);
      await walkThroughAccount(tab, origin, person);
      expect(tab.complaints).toEqual([]);
    });
  });
});

describe.skipIf(!HAS_FIREFOX)("the log-in page in a Firefox that refuses cookies (needs Debian's firefox-esr)", () => {
  const service = useSharedService();
  const open = useFirefox({ "network.cookie.cookieBehavior": 2 });

  it("says so at each try, and leaves no session behind", async () => {
    tab = await open();
    const person = await register(service.origin);
    for (let turn = 0; turn < 2; turn++) {
      await tab.open(`${service.origin}/login?lang=en&turn=${turn}`);
      await logInOnPage(tab, person);
      await until(tab, `/Allow cookies for this site/.test(document.querySelector("#login-error").textContent)`);
      expect(await tab.evaluate("location.pathname")).toBe("/login");
    }
    expect(await countSessions(service.origin, person)).toBe(0);
  });
});
