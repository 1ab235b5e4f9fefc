/**
 * The route: a path and parameters in the URL's fragment. Browsers don't send the fragment, so no server logs what an
 * operator searches for.
 */
import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** The segments of the path: the view's name, then what the view shows, such as a user's id. */
  path: string[];
  query: URLSearchParams;
}

export type Query = Record<string, string | undefined>;

function readRoute(): Route {
  const [path = "", query = ""] = location.hash.slice(1).split("?");
  return { path: path.split("/").filter((segment) => segment !== ""), query: new URLSearchParams(query) };
}

/** A link to a view. Leaves out empty parameters. */
export function linkTo(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const text = new URLSearchParams(given).toString();
  return `#/${path}${text === "" ? "" : `?${text}`}`;
}

export function goTo(path: string, query?: Query): void {
  location.hash = linkTo(path, query);
}

/** Changes the parameters of the view without a new entry in the history. */
export function replaceQuery(path: string, query: Query): void {
  history.replaceState(null, "", linkTo(path, query));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const follow = () => setRoute(readRoute());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
