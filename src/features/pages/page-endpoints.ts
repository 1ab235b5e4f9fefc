/** The hosted pages. The build makes each page in every language. */
import type { Config } from "../../config/config.ts";
import { type Endpoint, endpoint } from "../../endpoint/endpoint.ts";
import { namesOf } from "../../platform/records.ts";
import { PAGES } from "./hosted-pages.ts";
import type { ServePage } from "./serve-page.ts";

const LANGUAGE = "In the language of `?lang=`, or else of `Accept-Language`.";

export function pageEndpoints({ emailLogin }: Pick<Config, "emailLogin">, servePage: ServePage): Endpoint[] {
  const names = namesOf(PAGES).filter((name) => emailLogin || name !== "email-login");
  return names.map((name) => {
    const { description, ...page } = PAGES[name];
    return endpoint(
      {
        ...page,
        description: `${description} ${LANGUAGE}`,
        method: "get",
        path: `/${name}`,
        tag: "Pages",
        isConditional: true,
        success: { status: 200, description: "A page.", contentType: "text/html" },
      },
      (_, { client, exchange }) => servePage(name, client, exchange),
    );
  });
}
