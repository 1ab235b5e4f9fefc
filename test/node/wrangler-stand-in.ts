/** The script of a stand-in for wrangler under `npm run deploy`. It makes a few of the real wrangler's calls. */
export function deployScript(token: string): string {
  return `
    const flag = (name) => args[args.indexOf(name) + 1];
    const config = args.includes("--config") ? JSON.parse(fs.readFileSync(flag("--config"), "utf8")) : {};
    const send = async (method, path, body) => {
      const url = process.env.CLOUDFLARE_API_BASE_URL + "/accounts/" + config.account_id + path;
      const headers = { Authorization: "Bearer ${token}" };
      const answer = await (await fetch(url, { method, headers, body })).json();
      if (!answer.success) { console.error(answer.errors[0].message); process.exit(1); }
      return answer.result;
    };
    const database = config.d1_databases?.find(({ binding }) => binding === args[3]);
    const query = (sql) => send("POST", "/d1/database/" + database.database_id + "/query", JSON.stringify({ sql }));
    const commands = {
      async auth() {
        if (process.env.NOT_LOGGED_IN) process.exit(1);
        console.log(JSON.stringify({ type: "oauth", token: "${token}" }));
      },
      async d1() {
        await query("CREATE TABLE IF NOT EXISTS d1_migrations (name TEXT UNIQUE)");
        const [{ results }] = await query("SELECT name FROM d1_migrations");
        const files = fs.readdirSync(database.migrations_dir).filter((name) => name.endsWith(".sql"));
        const all = files.sort().filter((name) => !results.some((row) => row.name === name));
        const text = (name) => fs.readFileSync(database.migrations_dir + "/" + name, "utf8");
        const sql = all.map((name) => text(name) + ";INSERT INTO d1_migrations VALUES ('" + name + "')").join(";");
        await query("BEGIN;" + sql + ";COMMIT");
      },
      async deploy() {
        const secrets = args.includes("--secrets-file") ? JSON.parse(fs.readFileSync(flag("--secrets-file"), "utf8")) : {};
        const vars = Object.entries(config.vars).map(([name, text]) => ({ name, type: "plain_text", text }));
        const hidden = Object.entries(secrets).map(([name, text]) => ({ name, type: "secret_text", text }));
        const metadata = JSON.stringify({ bindings: [...vars, ...hidden] });
        await send("PUT", "/workers/scripts/" + config.name, 'name="metadata"\\r\\n\\r\\n' + metadata + "\\r\\n");
      },
    };
    commands[args[0]]();`;
}
