/** An HTTP client with open connections. Node's `fetch` would take more CPU time than most of the measured routes. */
import { Agent, request } from "node:http";

export interface Call {
  method?: "GET" | "POST";
  path: string;
  body?: object;
  bearer?: string | undefined;
  /** The address that the request seems to come from. */
  address?: string;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The length of the body. */
  bytes: number;
}

export interface Client {
  /** Sends a request, and throws unless it succeeds. */
  send(call: Call): Promise<Answer>;
  /** Sends a request like `send`, and returns the JSON of the answer. */
  read(call: Call): Promise<Record<string, unknown>>;
  close(): void;
}

export function createClient(origin: URL): Client {
  const agent = new Agent({ keepAlive: true });
  const exchange = ({ method, path, body, bearer, address = "198.51.100.1", headers = {} }: Call): Promise<Answer> =>
    new Promise((done, failed) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const sent = request(
        {
          agent,
          host: origin.hostname,
          port: origin.port,
          path,
          method: method ?? (text === undefined ? "GET" : "POST"),
          headers: {
            "CF-Connecting-IP": address,
            "User-Agent": "bench",
            ...(text === undefined
              ? {}
              : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }),
            ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
            ...headers,
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.once("error", failed);
          response.once("end", () => {
            const whole = Buffer.concat(parts);
            const { statusCode: status = 0, headers } = response;
            done({ status, headers, text: whole.toString(), bytes: whole.byteLength });
          });
        },
      );
      sent.once("error", failed);
      sent.end(text);
    });
  const send = async (call: Call) => {
    const answer = await exchange(call);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${call.path} answered ${answer.status}: ${answer.text.slice(0, 500)}`);
    }
    return answer;
  };
  return { send, read: async (call) => JSON.parse((await send(call)).text), close: () => agent.destroy() };
}

/** An address for this number. Each number has a different address. */
export function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
}
