import { env } from "cloudflare:workers";

/** A database that counts its calls, and the rows that their statements read and write. */
export function countingRows(d1 = env.DB) {
  const originals = new WeakMap<object, D1PreparedStatement>();
  /** The statements that read the signing keys themselves, and not only their version. */
  const readingKeys = new WeakSet<D1PreparedStatement>();
  const count = { rowsRead: 0, rowsWritten: 0, reads: 0, writes: 0 };
  /** Counts one call. A batch is one call, which D1 runs as one transaction. */
  const add = (metas: D1Meta[], statements: readonly D1PreparedStatement[]) => {
    const written = metas.reduce((sum, meta) => sum + meta.rows_written, 0);
    count.rowsRead += metas.reduce((sum, meta) => sum + meta.rows_read, 0);
    count.rowsWritten += written;
    // An isolate reads the keys once, and not for each request, so this call does not count.
    if (statements.some((statement) => readingKeys.has(statement))) return;
    count[written > 0 ? "writes" : "reads"] += 1;
  };

  function wrap(statement: D1PreparedStatement, readsKeys: boolean): D1PreparedStatement {
    if (readsKeys) readingKeys.add(statement);
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values), readsKeys),
      run: async () => {
        const result = await statement.run();
        add([result.meta], [statement]);
        return result;
      },
      all: async () => {
        const result = await statement.all();
        add([result.meta], [statement]);
        return result;
      },
      raw: async () => {
        const { meta, results } = await statement.all<Record<string, unknown>>();
        add([meta], [statement]);
        return results.map((row) => Object.values(row));
      },
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, statement);
    return wrapped;
  }
  const DB = {
    prepare: (query: string) => wrap(d1.prepare(query), query.includes("sealed_private_jwk")),
    batch: async (statements: D1PreparedStatement[]) => {
      const unwrapped = statements.map((statement) => originals.get(statement) ?? statement);
      const results = await d1.batch(unwrapped);
      add(
        results.map(({ meta }) => meta),
        unwrapped,
      );
      return results;
    },
  } as unknown as D1Database;
  return { DB, count };
}
