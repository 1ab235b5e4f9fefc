/** Finds the browser features that style sheets and pages use. */
import { nameOf, type Use } from "./browsers.ts";

/** Reads a style sheet: its at-rules, selectors, properties, keywords and functions. */
export function usesOfStyles(file: string, css: string): Use[] {
  const uses: Use[] = [];
  // Blanks comments and strings, but keeps their line breaks, so that line numbers stay right.
  const code = css.replaceAll(/\/\*.*?\*\/|"[^"]*"/gs, (text) => text.replaceAll(/[^\n]/g, " "));
  const note = (index: number, ...paths: string[][]) => {
    const name = nameOf(...paths);
    const where = `${file}:${code.slice(0, index).split("\n").length}`;
    if (name !== undefined) uses.push({ where, name });
  };
  for (const { index, 1: name = "", 2: condition = "" } of code.matchAll(/@([\w-]+)([^{;]*)/g)) {
    note(index, ["css", "at-rules", name]);
    for (const [, feature = ""] of condition.matchAll(/([\w-]+)\s*[:)<>=]/g))
      note(index, ["css", "at-rules", name, feature]);
  }
  for (const { index, 1: selector = "" } of code.matchAll(/(?<=[{};]|^)([^{};@]+)\{/g)) {
    for (const [, name = ""] of selector.matchAll(/:{1,2}([\w-]+)/g)) note(index, ["css", "selectors", name]);
    if (selector.includes("&")) note(index, ["css", "selectors", "nesting"]);
  }
  for (const { index, 1: property = "", 2: value = "" } of code.matchAll(
    /(?<=[{;]\s*)([\w-]+)\s*:\s*([^{};]+)(?=[;}])/g,
  )) {
    note(index, ["css", "properties", property]);
    for (const [word] of value.matchAll(/[a-z][\w-]*/gi)) note(index, ["css", "properties", property, word]);
    for (const [, name = ""] of value.matchAll(/([a-z][\w-]*)\(/gi))
      note(index, ["css", "types", name], ["css", "types", "color", name]);
    for (const [, name = ""] of value.matchAll(/([a-z]+)\(from /gi))
      note(index, ["css", "types", "color", name, "relative_syntax"]);
    for (const [, unit = ""] of value.matchAll(/\d([a-z]+)\b/gi)) note(index, ["css", "types", "length", unit]);
  }
  return uses;
}

/** Reads a page: its elements, their attributes, and the attribute values that are features. */
export function usesOfPage(file: string, page: string): Use[] {
  const uses: Use[] = [];
  for (const [, element = "", attributes = ""] of page.matchAll(/<([a-z][\w-]*)((?:\s+[^\s=>]+(?:="[^"]*")?)*)/g)) {
    const note = (...paths: string[][]) => {
      const name = nameOf(...paths);
      if (name !== undefined) uses.push({ where: `${file} <${element}>`, name });
    };
    note(["html", "elements", element]);
    for (const [, attribute = "", value = ""] of attributes.matchAll(/([^\s=>]+)(?:="([^"]*)")?/g)) {
      const places = [
        ["html", "elements", element, attribute],
        ["html", "global_attributes", attribute],
      ];
      note(...places);
      note(...places.map((place) => [...place, value]));
    }
  }
  return uses;
}
