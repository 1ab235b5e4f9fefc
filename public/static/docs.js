/**
 * Starts Swagger UI on /openapi.json. The token of a login made here goes into the calls that follow,
 * and leaves with a logout; it is held in memory alone, so a reload forgets it.
 */

const SECURITY_SCHEME = "bearerAuth";
const ISSUING_PATHS = ["/api/v1/auth/login", "/api/v1/auth/refresh"];
const LOGOUT_PATH = "/api/v1/auth/logout";

const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
followColourScheme();
darkScheme.addEventListener("change", followColourScheme);

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

/** Swagger UI has a dark theme, behind a class that its own (absent) top bar would set. */
function followColourScheme() {
  document.documentElement.classList.toggle("dark-mode", darkScheme.matches);
}

/** Gives names to the two controls that Swagger UI leaves without one. */
function nameForScreenReaders({ React }) {
  const withProperties = (Component, extra) => (properties) =>
    React.createElement(Component, { ...properties, ...extra });
  return {
    wrapComponents: {
      TextArea: (TextArea) => withProperties(TextArea, { "aria-label": "Request body" }),
      CloseIcon: (CloseIcon) =>
        withProperties(CloseIcon, { role: "img", "aria-hidden": "false", "aria-label": "Close" }),
    },
  };
}

/**
 * @param {{ ok: boolean, url: string, body?: { access_token?: string } }} response
 */
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

/** The store is asked, not the interceptor: the Authorize dialog changes it as well. */
function showSession() {
  const authorized = swagger.authSelectors.authorized().has(SECURITY_SCHEME);
  const text = authorized ? "Requests now carry your access token." : "";
  const session = document.getElementById("session");
  if (session.textContent !== text) {
    session.textContent = text;
  }
}
