import { env } from "cloudflare:workers";

/** D1, with a count of the rows that its statements have read and written. */
export function countingRows() {
  const originals = new WeakMap<object, D1PreparedStatement>();
  const count = { rowsRead: 0, rowsWritten: 0 };
  const add = (meta: D1Meta) => {
    count.rowsRead += meta.rows_read;
    count.rowsWritten += meta.rows_written;
  };

  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      run: async () => {
        const result = await statement.run();
        add(result.meta);
        return result;
      },
      raw: async () => {
        const { meta, results } = await statement.all<Record<string, unknown>>();
        add(meta);
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
      for (const { meta } of results) add(meta);
      return results;
    },
  } as unknown as D1Database;
  return { DB, count };
}
