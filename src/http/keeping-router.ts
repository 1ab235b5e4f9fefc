import type { Result, Router } from "hono/router";
import { TrieRouter } from "hono/router/trie-router";

/**
 * Wraps Hono's `TrieRouter`, which supports every pattern, and caches its results for paths without a parameter. Hono's
 * faster `RegExpRouter` can't be used, because it can't tell `/users/me/…` from `/users/{id}/…`.
 */
export class KeepingRouter<Handler> implements Router<Handler> {
  readonly name = "KeepingRouter";
  readonly #router = new TrieRouter<Handler>();
  /** The results by method and path. Only added routes have an entry, so no client can fill the memory. */
  readonly #kept = new Map<string, Result<Handler> | undefined>();

  add(method: string, path: string, handler: Handler): void {
    this.#router.add(method, path, handler);
    if (!/[:*]/.test(path)) this.#kept.set(keyOf(method, path), undefined);
  }

  match(method: string, path: string): Result<Handler> {
    const key = keyOf(method, path);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const found = this.#router.match(method, path);
    if (this.#kept.has(key)) this.#kept.set(key, found);
    return found;
  }
}

function keyOf(method: string, path: string): string {
  return `${method} ${path}`;
}
