/** Vite's configuration. The settings for TSX are in tsconfig.json. */
import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode, command }) => {
  const { VITE_POSTERN_URL = "http://localhost:8787", VITE_API_URL = "http://localhost:8790" } = loadEnv(
    mode,
    import.meta.dirname,
  );
  // Send the same header when you serve the built app.
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // In development, Vite reloads the page over a WebSocket.
    `connect-src 'self' ${command === "serve" ? "ws: " : ""}${VITE_POSTERN_URL} ${VITE_API_URL}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const headers = { "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer" };
  return {
    root: import.meta.dirname,
    cacheDir: "../../.wrangler/vite",
    // The policy forbids the inline styles of Vite's overlay. Errors are in the terminal and the console.
    server: { headers, hmr: { overlay: false } },
    preview: { headers },
    build: { outDir: "../../dist/example-app", emptyOutDir: true },
  };
});
