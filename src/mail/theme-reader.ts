/** Reads the colors of emails at run time, from the asset `theme.css`. */
import type { Hops } from "../platform/hops.ts";
import { DEFAULT_THEME, type MailTheme, readTheme } from "./theme.ts";

export type MailThemeReader = ReturnType<typeof createMailThemeReader>;

/** Reads the theme for one email, in one round trip. Without a `theme.css`, emails have the default colors. */
export function createMailThemeReader(assets: Fetcher, hops: Hops) {
  return (): Promise<MailTheme> =>
    hops.hop("assets", async () => {
      // The binding finds assets by their path, and ignores the host.
      const response = await assets.fetch("https://assets.invalid/static/theme.css");
      const css = await response.text();
      if (response.status === 404) return DEFAULT_THEME;
      // Don't use the default theme here: a retry would then send a different email under the same id.
      if (!response.ok) throw new Error(`theme.css can't be read: status ${response.status}`);
      return readTheme(css).theme;
    });
}
