/** Warns about a theme whose text some people can't read, on the hosted pages or in emails. */
import { contrast, LEAST_TEXT_CONTRAST } from "../platform/contrast.ts";
import { COLOR_VARIABLES, type MailColors, type MailTheme } from "./theme.ts";

/** Which text is shown on which background. */
const PAIRS: readonly (readonly [text: keyof MailColors, background: keyof MailColors])[] = [
  ["text", "surface"],
  ["text", "page"],
  ["muted", "surface"],
  ["muted", "page"],
  // Links.
  ["accent", "surface"],
  // Buttons.
  ["onAccent", "accent"],
];

/** A line for each text with too little contrast (WCAG 2.2 §1.4.3), in each look. */
export function contrastWarnings(theme: MailTheme): string[] {
  return (["light", "dark"] as const).flatMap((look) =>
    PAIRS.flatMap(([text, background]) => {
      const ratio = contrast(theme[look][text], theme[look][background]);
      if (ratio >= LEAST_TEXT_CONTRAST) return [];
      // Rounded down, so that no ratio below the limit is shown as the limit.
      const shown = (Math.floor(ratio * 100) / 100).toFixed(2);
      return `${look}: the contrast of ${COLOR_VARIABLES[text]} on ${COLOR_VARIABLES[background]} is ${shown}:1. Text needs ${LEAST_TEXT_CONTRAST}:1 (WCAG 2.2 AA).`;
    }),
  );
}
