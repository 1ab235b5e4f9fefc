/**
 * A linter: the browsers in the README must have every feature that the pages, the console and the client use, or do
 * without the feature. Swagger UI, at /docs, comes from its own package and is not checked.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lackers, OLDEST, type Oldest, type Use } from "./compatibility/browsers.ts";
import { usesOfScripts } from "./compatibility/scripts.ts";
import { usesOfPage, usesOfStyles } from "./compatibility/styles.ts";
import { TREE } from "./tree-files.ts";

/** Features that a browser may lack, each with the consequence. Scripts may use no such feature. */
const DEGRADES: Readonly<Record<string, string>> = {
  "css at-rules media forced-colors": "cards have no border in a high-contrast mode, which these browsers don't have",
  "css at-rules media scripting": "without JavaScript, the form is shown below the note that it needs JavaScript",
  "css properties cursor pointer": "a touch screen has no pointer",
  "css properties cursor progress": "a touch screen has no pointer",
  "css properties field-sizing": "the field for a request's body in /docs scrolls",
  "css properties field-sizing content": "the same",
  "css properties text-size-adjust": "the prefixed property beside it does it",
  "css properties text-wrap": "lines break less evenly",
  "css properties text-wrap balance": "the same",
  "css properties text-wrap pretty": "the same",
  "css selectors has": "/docs shows a choice of one server",
  "css types color color-mix": "code in /docs has no background",
  "html elements link rel icon": "iOS shows no icon",
  "html elements link rel modulepreload": "scripts are loaded one after the other",
  "html elements meta name viewport": "only phones have to be told",
  "html global_attributes autocapitalize": "only phones capitalize",
};

/** Members that only Node has. The client calls them only if they exist. */
const NOT_OF_BROWSERS = ["Property 'unref' does not exist on type 'BroadcastChannel'."];

const read = (path: string) => readFileSync(join(TREE, path), "utf8");
const filesOf = (...patterns: string[]) => globSync(patterns, { cwd: TREE }).toSorted();
/**
 * All scripts except four: `client.js` is the bundle of src/client, `brand-kit.js` is for developers, and the other two
 * have only types.
 */
const scripts = filesOf("public/static/*.js", "src/client/*.ts", "src/console/**/*.{ts,tsx}").filter(
  (path) => !/\/(client\.js|brand-kit\.js|client\/api\.ts|broadcast-channel\.d\.ts)$/.test(path),
);
const styles = filesOf("public/static/*.css").flatMap((path) => usesOfStyles(path, read(path)));
const pages = filesOf("public/pages/**/*.html").flatMap((path) => usesOfPage(path, read(path)));

function complaints(uses: readonly Use[], oldest: Oldest = OLDEST): string[] {
  return uses.flatMap(({ where, name }) => {
    const without = lackers(name, oldest);
    return without.length === 0 ? [] : [`${where} uses ${name}, which is missing in ${without.join(", ")}`];
  });
}

/** Scripts that use features that Safari 15.4 lacks. */
const TOO_NEW = [
  "URL.canParse('/');",
  "URL.parse('/');",
  "AbortSignal.timeout(1);",
  "AbortSignal.any([]);",
  "[1].toReversed();",
  "/** @param {{ items: string[] }} data */ export const f = (data) => data.items.toSorted();",
  "[1].with(0, 2);",
  "Array.fromAsync([]);",
  "Object.groupBy([1], String);",
  "new Set([1]).union(new Set());",
  "Promise.withResolvers();",
  "Promise.try(() => 1);",
  "'a'.isWellFormed();",
  "const { canParse } = URL;",
  "document.startViewTransition(() => {});",
  "document.body.inert = true;",
  "document.body.showPopover();",
  "navigator.userActivation;",
  "new CSSStyleSheet();",
  "new OffscreenCanvas(1, 1);",
  "requestIdleCallback(() => {});",
  "Response.json({});",
  "new Headers().getSetCookie();",
  "Iterator.from([]);",
  "class A { static { void 0; } }",
  "/(?<=a)b/.test('');",
  "/[a--b]/v.test('');",
  "import data from './data.json' with { type: 'json' };",
];

/** Scripts that use features of Safari 15.4 or older, each with a version that lacks the feature. */
const OLD_ENOUGH = [
  ["structuredClone(1);", "15.3"],
  ["[1].at(-1);", "15.3"],
  ["'a'.at(-1);", "15.3"],
  ["Object.hasOwn({}, 'a');", "15.3"],
  ["[1].findLast(Boolean);", "15.3"],
  ["new BroadcastChannel('a');", "15.3"],
  ["const { locks } = navigator;", "15.3"],
  ["crypto.randomUUID();", "15.3"],
  ["document.querySelector('dialog')?.showModal();", "15.3"],
  ["'a'.replaceAll('a', 'b');", "13"],
  ["document.body.replaceChildren();", "13"],
  ["new WeakRef({});", "14"],
] as const;

/** Scripts with names that neither MDN's data nor the compiler knows. */
const UNHEARD_OF = ["scheduler.yield();", "[1].toScrambled();", "navigator.crystalBall;", "new Intl.MoodFormat();"];
const OWN =
  "const own = { toReversed() {}, timeout: 1 }; own.toReversed(); own.timeout; function canParse() {} canParse();";

/** All samples are read at once, because the compiler takes a second to start. */
const samples = [...TOO_NEW, ...OLD_ENOUGH.map(([text]) => text), ...UNHEARD_OF, OWN];
const placeOf = (text: string) => `public/static/sample-${samples.indexOf(text)}.js`;
const inSamples = usesOfScripts(
  [],
  Object.fromEntries(samples.map((text) => [join(TREE, placeOf(text)), `${text}\nexport {};`])),
);
/** The uses that were found in one of the samples. */
const inSample = (uses: readonly Use[], text: string) => uses.filter(({ where }) => where === `${placeOf(text)}:1`);

describe("the browsers that the README names", () => {
  it("are those that the linter checks", () => {
    const { safari, chrome, firefox } = OLDEST;
    const text = read("README.md").replaceAll(/\s+/g, " ");
    expect(text).toContain(
      `Safari ${safari} (macOS and iOS), Chrome and Edge ${chrome}, Firefox ${firefox}, and newer versions`,
    );
  });

  it("have everything that the scripts of the pages, the console and the client use", () => {
    const { uses, unknown } = usesOfScripts([...scripts, "public/globals.d.ts"].map((path) => join(TREE, path)));
    expect(scripts.length).toBeGreaterThan(25);
    expect(uses.length).toBeGreaterThan(400);
    expect(unknown.map(({ name }) => name)).toEqual(NOT_OF_BROWSERS);
    expect(complaints(uses)).toEqual([]);
  });

  it("have everything that pages and styles need, except for the features that are listed with a reason, which are all used", () => {
    const uses = [...styles, ...pages];
    expect(styles.length).toBeGreaterThan(300);
    expect(pages.length).toBeGreaterThan(1_000);
    expect(complaints(uses.filter(({ name }) => !(name in DEGRADES)))).toEqual([]);
    const inUse = new Set(uses.map(({ name }) => name));
    expect(Object.keys(DEGRADES).filter((name) => !inUse.has(name) || lackers(name).length === 0)).toEqual([]);
  });
});

describe("the linter", () => {
  it.each(TOO_NEW)("finds that Safari 15.4 lacks what is in %s", (text) => {
    expect(complaints(inSample(inSamples.uses, text)).join()).toContain("safari 15.4");
  });

  it.each(OLD_ENOUGH)("lets %s pass, and finds that Safari %s lacks it", (text, before) => {
    const uses = inSample(inSamples.uses, text);
    expect(complaints(uses, { safari: OLDEST.safari })).toEqual([]);
    expect(complaints(uses, { safari: before }).join()).toContain(`safari ${before}`);
  });

  it.each(UNHEARD_OF)("does not let pass what it has never heard of, as in %s", (text) => {
    expect(inSample(inSamples.unknown, text)).toHaveLength(1);
  });

  it("takes names of one's own for what they are", () => {
    expect(complaints(inSample(inSamples.uses, OWN))).toEqual([]);
    expect(inSample(inSamples.unknown, OWN)).toEqual([]);
  });

  it.each([
    "a { &:hover { color: red; } }",
    "a { color: oklch(50% 0 0); }",
    "a { color: light-dark(red, blue); }",
    "a { rotate: 1turn; text-wrap: balance; }",
    "@container (width > 20rem) { a { color: red; } }",
    "@starting-style { a { color: red; } }",
    "@scope (a) { b { color: red; } }",
    "a:user-invalid { color: red; }",
    "a { color: rgb(from red r g b); }",
  ])("finds what a browser lacks in the styles %s", (css) => {
    expect(complaints(usesOfStyles("sample.css", css))).not.toEqual([]);
  });

  it.each(["<div inert></div>", '<div popover="auto"></div>', '<details name="one"></details>', "<search></search>"])(
    "finds what a browser lacks in the page %s",
    (html) => expect(complaints(usesOfPage("sample.html", html)).join()).toContain("safari 15.4"),
  );
});
