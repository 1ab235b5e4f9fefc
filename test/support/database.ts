/** Reads and changes rows in D1 directly, where the API has no way to do so. */
import { env } from "cloudflare:workers";

/** Sets columns of a user's row. */
export async function setUser({ email }: { email: string }, columns: Record<string, string | number | null>) {
  const names = Object.keys(columns).map((name) => `${name} = ?`);
  const query = `UPDATE users SET ${names.join()} WHERE email = ?`;
  await env.DB.prepare(query)
    .bind(...Object.values(columns), email)
    .run();
}

/** How many rows of a table have this value in a column. */
export async function countRows(table: string, column: string, value: string): Promise<number | undefined> {
  const query = `SELECT count(*) AS count FROM ${table} WHERE ${column} = ?`;
  return (await env.DB.prepare(query).bind(value).first<{ count: number }>())?.count;
}

/** Runs something while a table is missing, so that each statement on it fails. */
export async function withoutTable(table: string, run: () => Promise<void>): Promise<void> {
  await env.DB.exec(`ALTER TABLE ${table} RENAME TO ${table}_away`);
  try {
    await run();
  } finally {
    await env.DB.exec(`ALTER TABLE ${table}_away RENAME TO ${table}`);
  }
}
