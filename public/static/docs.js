/**
 * Starts Swagger UI with /openapi.json. After a login on this page, requests carry the access token until logout. The
 * token is kept in memory only.
 */

const SECURITY_SCHEME = "bearerAuth";
const ISSUING_PATHS = ["/api/v1/auth/login", "/api/v1/auth/refresh"];
const LOGOUT_PATH = "/api/v1/auth/logout";

const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
followColorScheme();
darkScheme.addEventListener("change", followColorScheme);

const swagger = window.SwaggerUIBundle({
  dom_id: "#reference",
  url: "/openapi.json",
  validatorUrl: "none",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  syntaxHighlight: { theme: "tomorrow-night" },
  responseInterceptor: followSession,
  plugins: [nameForScreenReaders],
});
swagger.getStore().subscribe(showSession);

/** Swagger UI's own top bar would set this class. The page does not show that bar. */
function followColorScheme() {
  document.documentElement.classList.toggle("dark-mode", darkScheme.matches);
}

/** Adds accessible names to two controls that Swagger UI leaves without one. @param {{ React: SwaggerReact }} system */
function nameForScreenReaders({ React }) {
  /** @param {object} extra */
  const withProperties = (extra) => (/** @type {unknown} */ Component) => (/** @type {object} */ properties) =>
    React.createElement(Component, { ...properties, ...extra });
  return {
    wrapComponents: {
      TextArea: withProperties({ "aria-label": "Request body" }),
      CloseIcon: withProperties({ role: "img", "aria-hidden": "false", "aria-label": "Close" }),
    },
  };
}

/** @param {{ ok: boolean, url: string, body?: { access_token?: string } }} response */
function followSession(response) {
  const path = new URL(response.url, location.href).pathname.replace(/\/$/, "");
  if (response.ok && ISSUING_PATHS.includes(path) && response.body?.access_token) {
    swagger.preauthorizeApiKey(SECURITY_SCHEME, response.body.access_token);
  }
  if (response.ok && path === LOGOUT_PATH) {
    swagger.authActions.logout([SECURITY_SCHEME]);
  }
  return response;
}

/** Reads Swagger UI's store, because the Authorize dialog changes the store too. */
function showSession() {
  const authorized = swagger.authSelectors.authorized().has(SECURITY_SCHEME);
  const text = authorized ? "Requests now carry your access token." : "";
  const session = document.getElementById("session");
  if (session && session.textContent !== text) {
    session.textContent = text;
  }
}
