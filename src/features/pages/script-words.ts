/** The JSON that a page contains for its script: texts, and settings that are known when the page is built. */
import type { LinkPage, ViewWords } from "./link-pages.ts";
import type { PageWords } from "./words/en.ts";

/** What the scripts read. Every page has `forms` and `fields`; the other parts are for the script of one page. */
export interface ScriptWords {
  forms: PageWords["forms"];
  fields: Pick<PageWords["fields"], "show" | "showPassword" | "hide" | "hidePassword">;
  page: LinkPage & { busyLabel: string; kept: string };
  views: Record<string, ViewWords>;
  login: Pick<
    PageWords["login"],
    | "busyLabel"
    | "loggedOut"
    | "nameMissing"
    | "wrong"
    | "disabled"
    | "factorLost"
    | "cookiesRefused"
    | "passkey"
    | "second"
  >;
  emailLogin: Pick<PageWords["emailLogin"]["code"], "invalid" | "wrong">;
  logout: { busyLabel: string };
  register: { busyLabel: string; resent: string; invitation: string; closed: string };
  account: PageWords["account"];
  confirm: PageWords["confirm"];
  enrolment: PageWords["enrolment"];
  events: PageWords["events"];
  newPasskey: PageWords["security"]["passkey"];
  security: PageWords["security"];
  userAgents: { browsers: NamedSource[]; systems: NamedSource[] };
}

/** A name, and the source of a regular expression for user agents. */
type NamedSource = readonly [name: string, source: string];

/** What a page adds for its own script. */
export type PageScriptWords = Partial<Omit<ScriptWords, "forms" | "fields">>;
