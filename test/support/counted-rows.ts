import { env } from "cloudflare:workers";

/** D1, with a count of the rows that its statements have read. */
export function countingRows() {
  const originals = new WeakMap<object, D1PreparedStatement>();
  const count = { rowsRead: 0 };

  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      run: async () => {
        const result = await statement.run();
        count.rowsRead += result.meta.rows_read;
        return result;
      },
      raw: async () => {
        const { meta, results } = await statement.all<Record<string, unknown>>();
        count.rowsRead += meta.rows_read;
        return results.map((row) => Object.values(row));
      },
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  }
  const DB = {
    prepare: (query: string) => wrap(env.DB.prepare(query)),
    batch: async (statements: D1PreparedStatement[]) => {
      const results = await env.DB.batch(statements.map((statement) => originals.get(statement) ?? statement));
      for (const { meta } of results) count.rowsRead += meta.rows_read;
      return results;
    },
  } as unknown as D1Database;
  return { DB, count };
}
