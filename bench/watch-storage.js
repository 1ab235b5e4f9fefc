/** Watches a contestant's storage, inside its Worker (count-trips.ts). JavaScript, because no bundler compiles it. */

const counts = { sequential: 0, total: 0, rowsRead: 0, rowsWritten: 0 };

/** Wraps a Worker so that its bindings are watched. `/bench/counts` answers with the counts, and resets them. */
export function watchWorker(worker) {
  return {
    ...worker,
    async fetch(request, env, context) {
      if (new URL(request.url).pathname === "/bench/counts") {
        const answer = Response.json(counts);
        for (const name of Object.keys(counts)) counts[name] = 0;
        return answer;
      }
      depth = 0;
      const response = await worker.fetch(request, watchBindings(env), context);
      counts.sequential += depth;
      return response;
    },
  };
}

/** The length of the longest chain of calls that waited for each other. The bench sends one request at a time. */
let depth = 0;

/** Counts a call. A call that starts after another one has ended counts as having waited for it. */
async function hop(call) {
  const own = depth + 1;
  counts.total += 1;
  try {
    return await call();
  } finally {
    depth = Math.max(depth, own);
  }
}

/** All requests get the same watched bindings, because a Worker may cache objects that use its bindings. */
let watchedBindings;

function watchBindings(env) {
  const watched = (binding) => {
    if (typeof binding !== "object" || binding === null) return binding;
    // Check this first: a binding with `fetch` seems to have every other method too.
    if ("fetch" in binding) return watchMethods(binding, ["fetch"]);
    if ("prepare" in binding && "batch" in binding) return watchDatabase(binding);
    if ("getByName" in binding) return watchNamespace(binding);
    return watchMethods(binding, ["get", "put", "delete", "send", "sendBatch"]);
  };
  watchedBindings ??= Object.fromEntries(Object.entries(env).map(([name, binding]) => [name, watched(binding)]));
  return watchedBindings;
}

function watchMethods(target, names) {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return names.includes(name) ? (...values) => hop(() => value.apply(target, values)) : value.bind(target);
    },
  });
}

function watchNamespace(namespace) {
  const watchStub = (stub) =>
    new Proxy(stub, {
      get: (_, name) => (name === "then" ? undefined : (...values) => hop(() => stub[name](...values))),
    });
  return new Proxy(namespace, {
    get(_, name) {
      const value = Reflect.get(namespace, name).bind(namespace);
      return name === "get" || name === "getByName" ? (...values) => watchStub(value(...values)) : value;
    },
  });
}

function add({ rows_read, rows_written }) {
  counts.rowsRead += rows_read;
  counts.rowsWritten += rows_written;
}

/** The original of each watched statement, because D1's `batch` takes only D1's own statements. */
const originals = new WeakMap();

function watchDatabase(database) {
  const wrap = (statement) => {
    const all = () =>
      hop(async () => {
        const result = await statement.all();
        add(result.meta);
        return result;
      });
    const wrapped = {
      bind: (...values) => wrap(statement.bind(...values)),
      all,
      run: all,
      first: async (column) => {
        const [row = null] = (await all()).results;
        return column === undefined || row === null ? row : row[column];
      },
      raw: async () => (await all()).results.map((row) => Object.values(row)),
    };
    originals.set(wrapped, statement);
    return wrapped;
  };
  const watched = {
    prepare: (query) => wrap(database.prepare(query)),
    batch: (statements) =>
      hop(async () => {
        const results = await database.batch(statements.map((statement) => originals.get(statement)));
        for (const { meta } of results) add(meta);
        return results;
      }),
    withSession: (constraint) => watchDatabase(database.withSession(constraint)),
    getBookmark: () => database.getBookmark(),
  };
  return watched;
}

/** Wraps a Durable Object class to count the rows of SQL, and one row per call that uses a key or sets an alarm. */
export function watchObject(Original) {
  return class extends Original {
    constructor(context, env) {
      const { storage } = context;
      const count = (target, name, before) => {
        const original = target[name];
        Object.defineProperty(target, name, {
          value: (...values) => {
            before();
            return original.apply(target, values);
          },
        });
      };
      const wrote = () => add({ rows_read: 0, rows_written: 1 });
      for (const name of ["setAlarm", "deleteAll"]) count(storage, name, wrote);
      for (const name of ["put", "delete"]) count(storage.kv, name, wrote);
      count(storage.kv, "get", () => add({ rows_read: 1, rows_written: 0 }));
      const { sql } = storage;
      const exec = sql.exec.bind(sql);
      Object.defineProperty(sql, "exec", {
        value: (query, ...values) => {
          const cursor = exec(query, ...values);
          const rows = cursor.toArray();
          add({ rows_read: cursor.rowsRead, rows_written: cursor.rowsWritten });
          return { toArray: () => rows, one: () => rows[0], [Symbol.iterator]: () => rows.values() };
        },
      });
      super(context, env);
    }
  };
}
