import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config/config.ts";

/**
 * The app on a database that runs `interruption` once, right before a statement that contains `text`. This simulates
 * another request between a read and a write. `queries` collects the text of every statement.
 */
export function appInterrupted(
  text: string,
  interruption: () => Promise<unknown>,
  queries: string[] = [],
  values: Record<string, string> = {},
) {
  const app = createApp(parseConfig({ ...env, ...values }));
  const texts = new WeakMap<object, string>();
  const originals = new WeakMap<object, D1PreparedStatement>();
  let isOver = false;

  async function interrupt(statements: object[]): Promise<void> {
    if (isOver || !statements.some((statement) => texts.get(statement)?.includes(text))) return;
    isOver = true;
    await interruption();
  }
  function wrap(statement: D1PreparedStatement, query: string): D1PreparedStatement {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values), query),
      all: () => interrupt([wrapped]).then(() => statement.all()),
      run: () => interrupt([wrapped]).then(() => statement.run()),
      raw: () => interrupt([wrapped]).then(() => statement.raw()),
    } as unknown as D1PreparedStatement;
    texts.set(wrapped, query);
    originals.set(wrapped, statement);
    return wrapped;
  }
  const DB = {
    prepare(query: string) {
      queries.push(query);
      return wrap(env.DB.prepare(query), query);
    },
    batch: async (statements: D1PreparedStatement[]) => {
      await interrupt(statements);
      return env.DB.batch(statements.map((statement) => originals.get(statement) ?? statement));
    },
  } as unknown as D1Database;

  return async (request: Request): Promise<Response> => {
    const context = createExecutionContext();
    const response = await app.fetch(request, { ...env, DB }, context);
    await waitOnExecutionContext(context);
    if (!isOver) throw new Error(`No statement holds ${text}.`);
    return response;
  };
}
