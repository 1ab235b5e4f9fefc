/** Which features the supported browsers have, by MDN's data (https://github.com/mdn/browser-compat-data). */
import { createRequire } from "node:module";
import type {
  BrowserName,
  CompatData,
  CompatStatement,
  Identifier,
  SimpleSupportStatement,
} from "@mdn/browser-compat-data";

const { api, css, html, javascript }: CompatData = createRequire(import.meta.url)("@mdn/browser-compat-data");

/** The oldest versions that the README names. All came out in spring 2022. */
export const OLDEST = { safari: "15.4", safari_ios: "15.4", chrome: "100", edge: "100", firefox: "100" } as const;

export type Oldest = Partial<Record<BrowserName, string>>;

/** A feature that a source uses. `name` is its path in MDN's data. */
export interface Use {
  where: string;
  name: string;
}

const ROOTS: Record<string, Identifier> = { api, css, html, javascript };

/** The data on a feature, or `undefined` if MDN has none. */
function findFeature(path: readonly string[]): CompatStatement | undefined {
  let found: Identifier | undefined = ROOTS[path[0] ?? ""];
  for (const step of path.slice(1)) found = found !== undefined && Object.hasOwn(found, step) ? found[step] : undefined;
  return found?.__compat;
}

/** The first of these paths that MDN has data on, as a name. */
export function nameOf(...paths: readonly (readonly string[])[]): string | undefined {
  return paths.find((path) => findFeature(path) !== undefined)?.join(" ");
}

/** The browsers that lack a feature in their oldest version. */
export function lackers(name: string, oldest: Oldest = OLDEST): string[] {
  return lackersOf(findFeature(name.split(" ")), oldest);
}

function lackersOf(feature: CompatStatement | undefined, oldest: Oldest): string[] {
  return Object.entries(oldest)
    .filter(([browser, version]) => {
      const entry = Object.entries(feature?.support ?? {}).find(([key]) => key === browser)?.[1];
      const statements = entry === undefined ? [] : Array.isArray(entry) ? entry : [entry];
      return !statements.some((statement) => includes(statement, version));
    })
    .map(([browser, version]) => `${browser} ${version}`);
}

/** Whether a browser's version has the feature. A feature behind a flag or a prefix does not count. */
function includes(
  { version_added: added, version_removed: removed, flags, prefix }: SimpleSupportStatement,
  version: string,
) {
  if (typeof added !== "string" || added === "preview" || flags !== undefined || prefix !== undefined) return false;
  return isAtMost(added.replace("≤", ""), version) && (typeof removed !== "string" || !isAtMost(removed, version));
}

function isAtMost(one: string, other: string): boolean {
  const [ones, others] = [one, other].map((version) => version.split(".").map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (ones?.[part] ?? 0) - (others?.[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/** A member of an interface, or of the global object if `owner` is empty. */
export interface Member {
  owner: string;
  name: string;
  kind: "static" | "instance" | "either";
}

/** The members that scripts could use, but that one of the browsers lacks. */
export function lackingMembers(oldest: Oldest): Member[] {
  const isLacking = (entry: Identifier) => entry.__compat !== undefined && lackersOf(entry.__compat, oldest).length > 0;
  return [api, javascript.builtins ?? {}].flatMap((owners) =>
    entriesOf(owners).flatMap(([owner, members]): Member[] => [
      ...(isLacking(members) ? [{ owner: "", name: owner, kind: "static" } as const] : []),
      ...entriesOf(members)
        .filter(([, member]) => isLacking(member))
        .map(([name]): Member => {
          // For the language's own objects, MDN's data does not say which members are static.
          const kind = owners !== api ? "either" : name.endsWith("_static") ? "static" : "instance";
          return { owner, name: name.replace(/_static$/, ""), kind };
        }),
    ]),
  );
}

function entriesOf({ __compat, ...members }: Identifier): [string, Identifier][] {
  return Object.entries(members);
}
