/**
 * Wraps a real database so that every call goes through `call`. `method` is the name of the called method, and
 * `onlyReads` says whether its statements only read.
 */
export function watchedDatabase(
  d1: D1Database,
  call: <Result>(make: () => Promise<Result>, method: string, onlyReads: boolean) => Promise<Result>,
): D1Database {
  const originals = new WeakMap<object, { statement: D1PreparedStatement; onlyReads: boolean }>();
  function wrap(statement: D1PreparedStatement, onlyReads: boolean): D1PreparedStatement {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values), onlyReads),
      first: (...values: string[]) => call(() => Reflect.apply(statement.first, statement, values), "first", onlyReads),
      all: () => call(() => statement.all(), "all", onlyReads),
      run: () => call(() => statement.run(), "run", onlyReads),
      raw: () => call(() => statement.raw(), "raw", onlyReads),
    } as unknown as D1PreparedStatement;
    originals.set(wrapped, { statement, onlyReads });
    return wrapped;
  }
  return {
    prepare: (query: string) => wrap(d1.prepare(query), /^\s*select\b/i.test(query)),
    batch: (statements: D1PreparedStatement[]) => {
      const parts = statements.map((statement) => originals.get(statement) ?? { statement, onlyReads: false });
      const make = () => d1.batch(parts.map(({ statement }) => statement));
      return call(
        make,
        "batch",
        parts.every(({ onlyReads }) => onlyReads),
      );
    },
  } as unknown as D1Database;
}
