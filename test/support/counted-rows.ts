import { env } from "cloudflare:workers";

/** A database, with a count of the rows that its statements have read and written, and of the calls that did so. */
export function countingRows(d1 = env.DB) {
  const originals = new WeakMap<object, D1PreparedStatement>();
  /** Those that read the signing keys themselves, and not only their version. */
  const readingKeys = new WeakSet<D1PreparedStatement>();
  const count = { rowsRead: 0, rowsWritten: 0, reads: 0, writes: 0 };
  /** Of one call. A batch is one, and D1 runs it as one transaction. */
  const add = (metas: D1Meta[], statements: readonly D1PreparedStatement[]) => {
    const written = metas.reduce((sum, meta) => sum + meta.rows_written, 0);
    count.rowsRead += metas.reduce((sum, meta) => sum + meta.rows_read, 0);
    count.rowsWritten += written;
    // Once per isolate, and not for each request.
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
