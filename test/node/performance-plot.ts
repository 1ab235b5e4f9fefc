/** Draws groups of bars as SVG. The colors follow the reader's color scheme, light or dark. */
import type { ContestantName } from "../../bench/flags.ts";

export interface Bar {
  contestant: ContestantName;
  value: number;
  label: string;
}

interface Group {
  title: string;
  bars: Bar[];
}

const WIDTH = 720;
/** The horizontal position at which bars begin. Titles are to the left of it. */
const LEFT = 170;
/** The room for the number after the longest bar. */
const RIGHT = 60;
const TOP = 64;
const BAR = 14;
const GAP = 14;

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 15px; }
    .floor { fill: #8c959f; }
    .postern { fill: #0969da; }
    .better-auth { fill: #bc4c00; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .floor { fill: #7d8590; }
      .postern { fill: #58a6ff; }
      .better-auth { fill: #f0883e; }
    }`;

export function drawBars(
  title: string,
  groups: readonly Group[],
  names: Readonly<Record<ContestantName, string>>,
): string {
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const lines: string[] = [];
  let y = TOP;
  for (const { title: name, bars } of groups) {
    const middle = y + (bars.length * BAR) / 2 + 5;
    lines.push(`<text x="${LEFT - 12}" y="${middle}" text-anchor="end">${name}</text>`);
    for (const { contestant, value, label } of bars) {
      const width = ((value / most) * (WIDTH - LEFT - RIGHT)).toFixed(1);
      lines.push(
        `<rect class="${contestant}" x="${LEFT}" y="${y}" width="${width}" height="${BAR - 2}"/>`,
        `<text x="${(LEFT + Number(width) + 6).toFixed(1)}" y="${y + 11}">${label}</text>`,
      );
      y += BAR;
    }
    y += GAP;
  }
  const legend = Object.entries(names).flatMap(([contestant, name], index) => {
    const x = LEFT + index * 110;
    return [
      `<rect class="${contestant}" x="${x}" y="36" width="12" height="12"/>`,
      `<text x="${x + 18}" y="47">${name}</text>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${title}">
  <style>${STYLE}
  </style>
  <text class="title" x="${LEFT}" y="20">${title}</text>
${[...legend, ...lines].map((line) => `  ${line}`).join("\n")}
</svg>
`;
}
