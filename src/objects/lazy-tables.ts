/**
 * The SQL tables of a Durable Object. Each table is created with its first row. So an empty object uses no storage, and
 * an object of an earlier release gets new tables when it needs them.
 */
export class LazyTables {
  readonly #sql: SqlStorage;
  readonly #existing: Set<string>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
    this.#existing = new Set(tables.toArray().map(({ name }) => name));
  }

  has(table: string): boolean {
    return this.#existing.has(table);
  }

  /** Runs a statement on a table, and returns its rows. Returns no rows if the table does not exist yet. */
  run<Row extends Record<string, SqlStorageValue>>(
    table: string,
    statement: string,
    ...bindings: SqlStorageValue[]
  ): Row[] {
    return this.has(table) ? this.#sql.exec<Row>(statement, ...bindings).toArray() : [];
  }

  /** The earliest time in a column; `undefined` if there are no rows. */
  earliest(table: string, column: string): number | undefined {
    return this.run<{ at: number | null }>(table, `SELECT min(${column}) AS at FROM ${table}`)[0]?.at ?? undefined;
  }

  create(table: string, statement: string): void {
    if (this.has(table)) return;
    this.#sql.exec(statement);
    this.#existing.add(table);
  }

  /** Must be called after the object's storage was deleted. */
  forget(): void {
    this.#existing.clear();
  }
}
