/** The contrast of two colors, for warnings about a theme that some people can't read. */

/** WCAG 2.2 §1.4.3 (AA) requires this contrast for text of normal size. */
export const LEAST_TEXT_CONTRAST = 4.5;

/** The contrast ratio of two colors (WCAG 2.2, "contrast ratio"), from 1 to 21. The colors are `#rrggbb`. */
export function contrast(one: string, other: string): number {
  const [lighter = 0, darker = 0] = [luminance(one), luminance(other)].toSorted((first, second) => second - first);
  return (lighter + 0.05) / (darker + 0.05);
}

/** The relative luminance of a color (WCAG 2.2, "relative luminance"). */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const share = Number.parseInt(color.slice(start, start + 2), 16) / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
