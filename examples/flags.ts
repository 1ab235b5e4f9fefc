/** The flags of `npm run example`. */
import { type Fault, readFlags } from "../src/commands/flags.ts";

export interface ExampleFlags {
  help: boolean;
  /** The ports, by the names of their flags. Without a port, the command chooses one. */
  ports: Record<string, number | undefined>;
  persistTo: string | undefined;
}

const PORT_FLAGS = ["port", "api-port", "app-port"] as const;

export function parseFlags(argv: readonly string[]): ExampleFlags | Fault {
  const read = readFlags(argv, {
    help: { type: "boolean", short: "h" },
    port: { type: "string" },
    "api-port": { type: "string" },
    "app-port": { type: "string" },
    "persist-to": { type: "string" },
  });
  if ("fault" in read) return read;
  const { values } = read;
  const ports: ExampleFlags["ports"] = {};
  for (const name of PORT_FLAGS) {
    const text = values[name];
    if (text === undefined) continue;
    const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 65_536;
    if (port > 65_535) return { fault: `--${name} takes a number from 1 to 65535.` };
    const other = PORT_FLAGS.find((known) => ports[known] === port);
    if (other !== undefined) {
      return { fault: `--${other} and --${name} name the same port. Choose different ports.` };
    }
    ports[name] = port;
  }
  if (values["persist-to"] === "") return { fault: "--persist-to takes a folder." };
  return { help: values.help ?? false, ports, persistTo: values["persist-to"] };
}
