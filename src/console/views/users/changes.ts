/** Changes to a user that don't overwrite changes that other people made meanwhile (RFC 9110 §13.1.1). */
import { api, dataOf, type User, type Versioned, versionedOf } from "../../api.ts";
import { codeOf } from "../../failures.ts";

export type Change = Partial<
  Pick<User, "role" | "is_superuser" | "is_active" | "is_verified" | "first_name" | "last_name" | "phone">
>;

export function readUser(id: string, signal: AbortSignal): Promise<Versioned<User>> {
  return versionedOf(api.GET("/api/v1/users/{id}", { params: { path: { id } }, signal }));
}

/**
 * Changes a user if the operator saw the user's current data. Every login changes the ETag too, so if only the time of
 * the last login differs, this sends the change again with the new ETag. If anything else differs, throws
 * `precondition_failed`.
 */
export async function changeUser({ data: seen, etag }: Versioned<User>, change: Change): Promise<User> {
  const { id } = seen;
  const send = (version: string) =>
    dataOf(
      api.PATCH("/api/v1/users/{id}", { params: { path: { id } }, headers: { "If-Match": version }, body: change }),
    );
  try {
    return await send(etag);
  } catch (error) {
    if (codeOf(error) !== "precondition_failed") throw error;
    const current = await versionedOf(api.GET("/api/v1/users/{id}", { params: { path: { id } } }));
    if (withoutLogin(current.data) !== withoutLogin(seen)) throw error;
    return send(current.etag);
  }
}

const withoutLogin = (user: User) => JSON.stringify({ ...user, last_login: null });
