/** What Vite can't guess. TSX is compiled by what tsconfig.json says of it. */
import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode, command }) => {
  const { VITE_POSTERN_URL = "http://localhost:8787", VITE_API_URL = "http://localhost:8790" } = loadEnv(
    mode,
    import.meta.dirname,
  );
  // What the pages may load and whom they may talk to. Send the same header where the built app is served.
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // While it serves, Vite reloads the page over a WebSocket.
    `connect-src 'self' ${command === "serve" ? "ws: " : ""}${VITE_POSTERN_URL} ${VITE_API_URL}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const headers = { "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer" };
  return {
    root: import.meta.dirname,
    cacheDir: "../../.wrangler/vite",
    // The overlay styles itself, which the policy forbids; an error is in the terminal and in the console.
    server: { headers, hmr: { overlay: false } },
    preview: { headers },
    build: { outDir: "../../dist/example-app", emptyOutDir: true },
  };
});
