/** Types of third-party scripts, and of a browser feature, that the pages use. */

interface Turnstile {
  /** Shows the widget and returns its id. */
  render(container: HTMLElement, options: TurnstileOptions): string;
  reset(widget: string | undefined): void;
}

interface TurnstileOptions {
  sitekey: string;
  language: string;
  size: "flexible";
  "response-field": boolean;
  callback: (token: string) => void;
  "expired-callback": () => void;
  "error-callback": () => void;
}

interface SwaggerUI {
  getStore(): { subscribe(listener: () => void): void };
  preauthorizeApiKey(scheme: string, token: string): void;
  authActions: { logout(schemes: string[]): void };
  authSelectors: { authorized(): { has(scheme: string): boolean } };
}

/** The part of React that plugins of Swagger UI use. */
interface SwaggerReact {
  createElement(component: unknown, properties: object): unknown;
}

/** The part of Trusted Types that the outbox uses. Browsers accept the result of a policy in place of a string. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(html: string): string }): { createHTML(html: string): string };
}

interface Window {
  trustedTypes?: TrustedTypes;
  turnstile: Turnstile;
  SwaggerUIBundle: (options: object) => SwaggerUI;
}
