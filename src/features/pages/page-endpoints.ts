/** The hosted pages. The build makes each page in every language. */
import type { Config } from "../../config/config.ts";
import { type Endpoint, endpoint } from "../../endpoint/endpoint.ts";
import { namesOf } from "../../platform/records.ts";
import { CONSOLE_PAGE, PAGES, type PageName } from "./hosted-pages.ts";
import type { ServePage } from "./serve-page.ts";

const LANGUAGE = "In the language of `?lang=`, or else of `Accept-Language`.";

interface PageDeclaration {
  id: string;
  summary: string;
  description: string;
}

export function pageEndpoints(
  { adminPath, emailLogin }: Pick<Config, "adminPath" | "emailLogin">,
  servePage: ServePage,
): Endpoint[] {
  const names = namesOf(PAGES).filter((name) => emailLogin || name !== "email-login");
  const { name: consoleName, ...consolePage } = CONSOLE_PAGE;
  return [
    ...names.map((name) => pageEndpoint(name, `/${name}`, PAGES[name], servePage)),
    ...(adminPath === undefined ? [] : [pageEndpoint(consoleName, adminPath, consolePage, servePage)]),
  ];
}

function pageEndpoint(
  name: PageName,
  path: string,
  { description, ...page }: PageDeclaration,
  servePage: ServePage,
): Endpoint {
  return endpoint(
    {
      ...page,
      description: `${description} ${LANGUAGE}`,
      method: "get",
      path,
      tag: "Pages",
      isConditional: true,
      success: { status: 200, description: "A page.", contentType: "text/html" },
    },
    (_, { client, exchange }) => servePage(name, client, exchange),
  );
}
