import { describe, expect, it } from "vitest";
import { type DevFlags, parseDevFlags } from "../../src/commands/dev-flags.ts";

function parsed(...argv: string[]): DevFlags {
  const flags = parseDevFlags(argv);
  if ("fault" in flags) throw new Error(flags.fault);
  return flags;
}

describe("the flags of npm run dev", () => {
  it("leaves every choice open where nothing is given", () => {
    expect(parsed()).toEqual({
      help: false,
      port: undefined,
      host: "localhost",
      scheme: "http",
      persistTo: undefined,
      config: undefined,
      environment: undefined,
      environmentFiles: [],
      variables: {},
      hasInspectorPort: false,
      isVerbose: false,
      passed: [],
    });
  });

  it.each([
    [["--port", "9000"], 9000],
    [["--port=9000"], 9000],
    [["--port", "9000", "--port=65535"], 65_535],
  ])("reads the port from %j", (argv, port) => {
    expect(parsed(...argv)).toMatchObject({ port, passed: [] });
  });

  it.each([["--port"], ["--port=0"], ["--port=65536"], ["--port=soon"], ["--port="], ["--port=1e3"]])(
    "refuses %s",
    (flag) => {
      expect(parseDevFlags([flag])).toEqual({ fault: "--port takes a number from 1 to 65535." });
    },
  );

  it("refuses a port whose value is another flag", () => {
    expect(parseDevFlags(["--port", "--ip=127.0.0.1"])).toHaveProperty("fault");
  });

  it("passes everything but the port through untouched and in order", () => {
    const argv = ["-p", "1", "src/other.ts", "--unknown", "value", "--var", "A:1", "--live-reload", "--", "-x"];
    expect(parsed("--port", "9000", ...argv).passed).toEqual(argv);
  });

  it("keeps --verbose to itself, which wrangler doesn't know", () => {
    expect(parsed("--verbose", "--live-reload")).toMatchObject({ isVerbose: true, passed: ["--live-reload"] });
  });

  it("takes every word after --var as a variable, as wrangler does", () => {
    expect(parsed("--var", "A:1", "PUBLIC_URL:http://localhost:1", "--ip", "::1")).toMatchObject({
      variables: { A: "1", PUBLIC_URL: "http://localhost:1" },
      host: "::1",
    });
    expect(parsed("--var=RATE_LIMITING:off", "--var", "A:1", "A:2").variables).toEqual({
      RATE_LIMITING: "off",
      A: "2",
    });
  });

  it("takes the first of several configurations as the Worker's own", () => {
    const flags = parsed("-c", "a/wrangler.toml", "--config=b/wrangler.toml");
    expect(flags).toMatchObject({ config: "a/wrangler.toml" });
    expect(flags.passed).toHaveLength(3);
  });

  it("knows the other spellings that wrangler takes", () => {
    expect(parsed("--persistTo", "x", "--env=staging", "--localProtocol", "https", "--inspectorPort=1")).toMatchObject({
      persistTo: "x",
      environment: "staging",
      scheme: "https",
      hasInspectorPort: true,
    });
    expect(parsed("--env-file", "a", "b", "--env-file=c").environmentFiles).toEqual(["a", "b", "c"]);
  });

  it.each(["--help", "-h"])("understands %s", (flag) => {
    expect(parsed(flag).help).toBe(true);
  });
});
