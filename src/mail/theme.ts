/**
 * The colors of the emails. They come from `theme.css`, so that an operator sets them once for pages and emails. Email
 * programs don't support CSS variables, so each email contains the values of the colors.
 */
import { namesOf } from "../platform/records.ts";

/** The colors of an email, as `#rrggbb`: some programs read no other notation. */
export interface MailColors {
  page: string;
  surface: string;
  text: string;
  muted: string;
  line: string;
  accent: string;
  onAccent: string;
}

export interface MailTheme {
  light: MailColors;
  dark: MailColors;
  /** The corners of the card, in pixels. */
  radius: number;
}

/** The variable of `theme.css` for each color. */
export const COLOR_VARIABLES: Readonly<Record<keyof MailColors, string>> = {
  page: "--page",
  surface: "--surface",
  text: "--text",
  muted: "--muted",
  line: "--line",
  accent: "--accent",
  onAccent: "--on-accent",
};

/** The default colors and corners, as in `postern.css`. */
export const DEFAULT_THEME: MailTheme = {
  light: {
    page: "#f4f2ee",
    surface: "#ffffff",
    text: "#1d1f24",
    muted: "#5a5d66",
    line: "#dedad2",
    accent: "#2f4784",
    onAccent: "#ffffff",
  },
  dark: {
    page: "#13151a",
    surface: "#1c1f26",
    text: "#eceae5",
    muted: "#a9adb8",
    line: "#31353f",
    accent: "#a9bcf5",
    onAccent: "#131a30",
  },
  radius: 14,
};

const DARK_RULES = /@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)\s*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}/g;
const OTHER_BLOCKS = /@[\w-]+[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}/g;
const PIXELS_PER_REM = 16;

/**
 * Reads a `theme.css`. Browsers apply this file after `postern.css`, so a color outside the media query for the dark
 * look also replaces the default color of that look. `ignored` lists the variables whose values an email can't use. An
 * email can use hexadecimal colors, and corners in `px` or `rem`.
 */
export function readTheme(css: string): { theme: MailTheme; ignored: string[] } {
  const dark: string[] = [];
  const light = css
    .replaceAll(/\/\*.*?\*\//gs, "")
    .replaceAll(DARK_RULES, (_, rules: string) => {
      dark.push(rules);
      return "";
    })
    .replaceAll(OTHER_BLOCKS, "");
  const everywhere = declarationsIn(light);
  const inTheDark = declarationsIn(dark.join("\n"));
  const ignored = new Set<string>();
  const colors = (defaults: MailColors, ...declared: ReadonlyMap<string, string>[]): MailColors => {
    const chosen = { ...defaults };
    for (const name of namesOf(COLOR_VARIABLES)) {
      const variable = COLOR_VARIABLES[name];
      for (const values of declared) {
        const value = values.get(variable);
        const color = value === undefined ? undefined : hexadecimal(value);
        if (color !== undefined) chosen[name] = color;
        else if (value !== undefined) ignored.add(variable);
      }
    }
    return chosen;
  };
  const corners = everywhere.get("--radius");
  const radius = corners === undefined ? DEFAULT_THEME.radius : pixels(corners);
  if (radius === undefined) ignored.add("--radius");
  const theme = {
    light: colors(DEFAULT_THEME.light, everywhere),
    dark: colors(DEFAULT_THEME.dark, everywhere, inTheDark),
    radius: radius ?? DEFAULT_THEME.radius,
  };
  return { theme, ignored: [...ignored] };
}

/**
 * Returns the custom properties that rules for `:root` declare. If a property is declared twice, the last declaration
 * counts.
 */
function declarationsIn(rules: string): Map<string, string> {
  const blocks = [...rules.matchAll(/(?:^|[\s};]):root\s*\{([^{}]*)\}/g)].map(([, block = ""]) => block);
  const declarations = blocks.join(";").matchAll(/(--[\w-]+)\s*:\s*([^;]+)/g);
  return new Map([...declarations].map(([, name = "", value = ""]) => [name, value.trim()]));
}

/** Converts `#RGB` or `#RRGGBB` to `#rrggbb`. Returns `undefined` for any other value. */
function hexadecimal(value: string): string | undefined {
  const [, digits] = /^#([\da-f]{3}|[\da-f]{6})$/i.exec(value) ?? [];
  if (digits === undefined) return undefined;
  return `#${digits.length === 3 ? digits.replaceAll(/./g, "$&$&") : digits}`.toLowerCase();
}

function pixels(value: string): number | undefined {
  const [, number = "", unit] = /^(\d*\.?\d+)(px|rem)?$/.exec(value) ?? [];
  if (number === "" || (unit === undefined && Number(number) !== 0)) return undefined;
  return Math.round(Number(number) * (unit === "rem" ? PIXELS_PER_REM : 1));
}
