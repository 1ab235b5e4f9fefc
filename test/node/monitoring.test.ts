/** The files in `monitoring/` for Prometheus and Grafana, with a real Prometheus and a running service. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import * as z from "zod";
import { SHARED_METRICS_TOKEN, useSharedService } from "./live-service.ts";
import { freePort } from "./loopback.ts";
import { readPage } from "./markdown.ts";

const hasPrometheus = ["prometheus", "promtool"].every((name) => existsSync(`/usr/bin/${name}`));
const rules = readFileSync("monitoring/prometheus/rules/postern.yml", "utf8");
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
const dashboard = readFileSync("monitoring/grafana/dashboards/postern.json", "utf8");
const board = z
  .object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).default([]) })) })
  .parse(JSON.parse(dashboard));
const queries = board.panels.flatMap(({ targets }) =>
  targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m").replaceAll("$environment", ".*")),
);

const service = useSharedService();
const scrape = async (accept: string) => {
  const headers = { Accept: accept, Authorization: `Bearer ${SHARED_METRICS_TOKEN}` };
  return (await fetch(`${service.origin}/metrics`, { headers })).text();
};

describe("the names in monitoring/ and in docs/watch.md", () => {
  let families: string[] = [];
  beforeAll(async () => {
    // After a request for the JWKS, a run of the cron job and one scrape, every family of metrics has a sample.
    for (const path of ["/.well-known/jwks.json", "/cdn-cgi/handler/scheduled"])
      expect((await fetch(`${service.origin}${path}`)).status, path).toBe(200);
    await scrape("text/plain");
    families = [...(await scrape("text/plain")).matchAll(/^# TYPE (\w+) /gm)].map(([, name = ""]) => name);
  });
  const namesIn = (text: string) =>
    new Set([...text.matchAll(/\bpostern_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, "")));

  it.each([
    ["the alert rules", rules],
    ["the dashboard", dashboard],
  ])("exist: %s", (_where, text) => {
    const names = [...namesIn(text)];
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !families.includes(name))).toEqual([]);
  });

  it("are all explained, and all on the dashboard", () => {
    const explained = [...readPage("docs/watch.md").matchAll(/^\| `(postern_\w+)`/gm)].map(([, name]) => name);
    expect(explained.toSorted()).toEqual(families.toSorted());
    expect(families.filter((name) => !namesIn(dashboard).has(name))).toEqual([]);
  });

  it("include every alert, which the tests of the rules see fire and stay quiet", () => {
    expect(alerts.length).toBeGreaterThan(10);
    const explained = [...readPage("docs/watch.md").matchAll(/^\| `(Postern\w+)`/gm)].map(([, name]) => name);
    expect(explained).toEqual(alerts);
    const tests = readFileSync("monitoring/prometheus/tests/postern.yml", "utf8");
    const tested = [...tests.matchAll(/- name: (.+)/g)].map(([, name]) => name);
    expect(tested).toEqual(alerts.flatMap((name) => [`${name} fires`, `${name} stays quiet`]));
  });
});

describe.skipIf(!hasPrometheus)("Prometheus", () => {
  const promtool = (...words: string[]) =>
    execFileSync("promtool", words, { cwd: "monitoring/prometheus", encoding: "utf8", stdio: "pipe" });

  it("finds the alert rules valid, and their tests pass", () => {
    promtool("check", "rules", "rules/postern.yml");
    promtool("test", "rules", "tests/postern.yml");
  });

  it("finds nothing to mend in the metrics", async () => {
    const text = await scrape("text/plain");
    const output = execFileSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8", stdio: "pipe" });
    expect(output).toBe("");
  });

  it("scrapes the service with the configuration as it is, and gets the numbers of what was requested", async () => {
    const route = "/api/v1/auth/undo-email-change";
    for (let time = 0; time < 7; time++)
      expect((await fetch(`${service.origin}${route}`, { method: "POST", body: "no JSON" })).status).toBe(415);
    const api = await startPrometheus(service.origin);
    await vi.waitFor(
      async () => {
        const counted = await api.query(`postern_http_requests_total{route="${route}",status="415"}`);
        expect(counted).toEqual(["7"]);
        // On a busy machine, the latest scrape may have timed out. Then the next round looks again.
        expect(await api.query('up{job="postern",environment="development"}')).toEqual(["1"]);
        expect(await api.query("postern_database_up")).toEqual(["1"]);
        expect((await api.get("targets")).data).toMatchObject({ activeTargets: [{ health: "up", lastError: "" }] });
      },
      { timeout: 60_000, interval: 250 },
    );
    expect((await api.get("rules")).data).toMatchObject({ groups: [{ rules: alerts.map((name) => ({ name })) }] });
    for (const query of queries) await api.query(query);
  });
});

/** Starts Prometheus on a copy of the folder, with this target and token, and with more frequent scrapes. */
async function startPrometheus(origin: string) {
  const folder = mkdtempSync(join(tmpdir(), "postern-prometheus-"));
  cpSync("monitoring/prometheus", folder, { recursive: true });
  writeFileSync(join(folder, "metrics-token"), SHARED_METRICS_TOKEN);
  const rewrite = (file: string, from: string, to: string) => {
    const text = readFileSync(join(folder, file), "utf8");
    expect(text).toContain(from);
    writeFileSync(join(folder, file), text.replace(from, to));
  };
  rewrite("targets/postern.yml", "localhost:8787", new URL(origin).host);
  rewrite("prometheus.yml", "scrape_interval: 30s", "scrape_interval: 1s");
  const port = await freePort();
  const words = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn("prometheus", words, { stdio: "ignore" });
  const ended = new Promise((done) => child.once("close", done));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const answer = z.object({ status: z.string(), error: z.string().optional(), data: z.unknown() });
  const vector = z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) });
  async function get(path: string) {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const parsed = answer.parse(await response.json());
    expect(parsed.status, `${path}: ${parsed.error}`).toBe("success");
    return parsed;
  }
  return {
    get,
    /** The values of an instant query. */
    query: async (expression: string) => {
      const { data } = await get(`query?${new URLSearchParams({ query: expression })}`);
      return vector.parse(data).result.map(({ value }) => value[1]);
    },
  };
}
