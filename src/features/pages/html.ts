/** Templates for HTML. A template escapes its values, except values that are markup themselves. */
import { escapeHtml } from "../../platform/escape-html.ts";

export interface Markup {
  readonly markup: string;
}

type Piece = Markup | string | number | undefined | readonly Markup[];

/** A template of markup. Its values are escaped; `undefined` adds nothing. */
export function html(texts: TemplateStringsArray, ...values: Piece[]): Markup {
  return { markup: String.raw({ raw: texts }, ...values.map(render)) };
}

/** Data for a page's script, in an element that browsers don't run. The escaped data can't close the element. */
export function dataBlock(id: string, data: object): Markup {
  return {
    markup: `<script type="application/json" id="${id}">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>`,
  };
}

function render(value: Piece): string {
  if (value === undefined) return "";
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return "markup" in value ? value.markup : value.map(render).join("");
}
