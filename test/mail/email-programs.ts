/**
 * What Gmail, Outlook and Apple Mail can't do, as rules for the HTML of our emails. Each rule names its source: a page
 * of https://www.caniemail.com (its data of June 2026), or an issue. "Outlook" means Outlook for Windows up to 2019,
 * which uses Word's engine for the layout.
 */

export interface Rule {
  says: string;
  source: string;
  /** The parts of an email that break the rule. */
  offences: (email: Email) => string[];
  /** Turns an email that follows the rule into one that breaks it, to test the rule itself. */
  breakIt: (html: string) => string;
}

interface Element {
  name: string;
  attributes: Readonly<Record<string, string>>;
  style: Readonly<Record<string, string>>;
  /** The element that contains it. */
  parent: Element | undefined;
}

export interface Email {
  html: string;
  /** All elements except those in comments, which only Outlook reads. */
  elements: Element[];
  styles: string[];
  /** Closing tags without an opening tag, and opening tags without a closing tag. */
  unbalanced: string[];
}

const VOID = ["meta", "br", "img"];

const ELEMENTS = "html head meta title style body div table tr td th h1 p span a img br".split(" ");

/** CSS properties that all these programs support, or without which the email is still complete. */
const PROPERTIES =
  "background-color border-bottom border-radius border-top color display font-family font-size font-weight height line-height margin max-height max-width mso-hide mso-padding-alt overflow padding text-decoration white-space width word-break".split(
    " ",
  );

const KILOBYTE = 1024;

const can = (feature: string) => `https://www.caniemail.com/features/${feature}/`;
const inside = (mark: string) => (html: string) => html.replace("<h1", `${mark}<h1`);
const styled = (style: string) => (html: string) => html.replace(/<h1 [^>]*style="[^"]*/, `$&;${style}`);
const ofStyle = ({ elements }: Email, wrong: (property: string, value: string, element: Element) => boolean) =>
  elements.flatMap((element) =>
    Object.entries(element.style)
      .filter(([property, value]) => wrong(property, value, element))
      .map(([property, value]) => `<${element.name}> ${property}:${value}`),
  );

export const RULES: readonly Rule[] = [
  {
    says: "has no elements but those of a plain layout: Gmail and Outlook strip <svg>, and Gmail strips <link>, scripts and frames",
    source: `${can("html-svg")} ${can("html-link")} ${can("html-form")}`,
    offences: ({ elements }) => elements.map(({ name }) => name).filter((name) => !ELEMENTS.includes(name)),
    breakIt: inside("<svg></svg>"),
  },
  {
    says: "shows no SVG as an image: neither Gmail nor Outlook does",
    source: can("image-svg"),
    offences: ({ elements }) =>
      elements.flatMap(({ attributes: { src = "" } }) => (/\.svg|^data:/i.test(src) ? [src] : [])),
    breakIt: inside('<img src="https://example.com/logo.svg" width="1" alt="" style="width:1px">'),
  },
  {
    says: "gives each image its width as an attribute, for Outlook, and words, for readers without images",
    source: `${can("css-width")} ${can("html-width")}`,
    offences: ({ elements }) =>
      elements
        .filter(
          ({ name, attributes: { width = "", alt } }) => name === "img" && (!/^\d+$/.test(width) || alt === undefined),
        )
        .map(({ attributes: { src = "" } }) => src),
    breakIt: inside('<img src="https://example.com/logo.png" alt="">'),
  },
  {
    says: "uses no properties but those that all of them know, or that only decorate: no flex, grid, position or shadow",
    source: `${can("css-display-flex")} ${can("css-display-grid")} ${can("css-position")} ${can("css-box-shadow")}`,
    offences: (email) => ofStyle(email, (property) => !PROPERTIES.includes(property)),
    breakIt: styled("position:relative"),
  },
  {
    says: "lays out with display: block, inline-block and none alone: Gmail drops others for other people's accounts",
    source: can("css-display"),
    offences: (email) =>
      ofStyle(email, (property, value) => property === "display" && !/^(block|inline-block|none)$/.test(value)),
    breakIt: styled("display:flex"),
  },
  {
    says: "pads cells, because Outlook pads nothing else; a link in a cell that says so is padded elsewhere",
    source: can("css-padding"),
    offences: (email) =>
      ofStyle(
        email,
        (property, value, { name, parent }) =>
          property === "padding" &&
          value !== "0" &&
          !/^t[dh]$/.test(name) &&
          !(name === "a" && parent?.style["mso-padding-alt"] === value),
      ),
    breakIt: (html) => html.replace("mso-padding-alt", "mso-other"),
  },
  {
    says: "has no negative margins, which Gmail drops, and none that are auto, which Outlook does not know",
    source: can("css-margin"),
    offences: (email) => ofStyle(email, (property, value) => property === "margin" && /-|auto/.test(value)),
    breakIt: styled("margin:0 auto"),
  },
  {
    says: "repeats a greatest width for Outlook, in a table that only Outlook reads",
    source: can("css-max-width"),
    offences: ({ html, elements }) =>
      elements
        .map(({ name, style }) => [name, style["max-width"] ?? "100%"] as const)
        .filter(
          ([name, width]) =>
            width !== "100%" &&
            !(
              name === "table" &&
              html.includes("<!--[if mso]></td></tr></table><![endif]-->") &&
              new RegExp(
                `<!--\\[if mso\\]><table [^>]*width="${Number.parseInt(width, 10)}"[^>]*><tr><td><!\\[endif\\]-->`,
              ).test(html)
            ),
        )
        .map(([name, width]) => `<${name}> ${width}`),
    breakIt: (html) => html.replace("max-width:560px", "max-width:600px"),
  },
  {
    says: "writes colors as #rrggbb: Gmail drops a whole style attribute, or a whole <style>, for some other notations",
    source: `${can("css-rgb")} ${can("css-variables")} ${can("css-function-light-dark")}`,
    offences: (email) => {
      const values = [...email.styles, ...email.elements.map(({ attributes: { style = "" } }) => style)];
      return values.flatMap((css) => css.match(/[\w-]+\((?!prefers|max-width)|#(?![\da-f]{6}\b)[\w-]*/gi) ?? []);
    },
    breakIt: styled("color:rgb(0 0 0)"),
  },
  {
    says: "needs no <style>: what a class sets, the style attribute sets too",
    source: can("html-style"),
    offences: ({ elements, styles }) => {
      const rules = [...styles.join("\n").matchAll(/\.([\w-]+)\{([^}]*)\}/g)];
      return rules.flatMap(([, name = "", declarations = ""]) =>
        elements
          .filter(({ attributes }) => (attributes.class ?? "").split(" ").includes(name))
          .flatMap(({ style }) =>
            [...declarations.matchAll(/([\w-]+):/g)]
              .filter(([, property = ""]) => !Object.keys(style).some((own) => isPartOf(property, own)))
              .map(([, property]) => `.${name} ${property}`),
          ),
      );
    },
    breakIt: inside('<p class="muted" style="margin:0"></p>'),
  },
  {
    says: "has its <style> in the head alone, at most 16 KB of it, without comments and imports",
    source: `${can("html-style")} ${can("css-at-import")} https://github.com/hteumeuleu/email-bugs/issues/90`,
    offences: ({ elements, styles }) => [
      ...elements.filter(({ name, parent }) => name === "style" && parent?.name !== "head").map(({ name }) => name),
      ...styles.filter((css) => css.length > 16 * KILOBYTE || /\/\*|@import|url\(/.test(css)),
    ],
    breakIt: inside("<style></style>"),
  },
  {
    says: "has the dark look in a <style> of its own, and says that it has one",
    source: `${can("css-at-media-prefers-color-scheme")} ${can("html-meta-color-scheme")}`,
    offences: ({ html, styles }) => [
      ...["color-scheme", "supported-color-schemes"].filter(
        (name) => !html.includes(`<meta name="${name}" content="light dark">`),
      ),
      ...(styles.filter((css) => css.includes("prefers-color-scheme:dark")).length === 1
        ? []
        : ["prefers-color-scheme"]),
    ],
    breakIt: (html) => html.replace('<meta name="color-scheme"', '<meta name="other"'),
  },
  {
    says: "says of each table whether it is for layout, and sets its spacing by attributes, as Outlook needs",
    source: `${can("css-border-spacing")} ${can("html-role")}`,
    offences: ({ elements }) =>
      elements
        .filter(({ name }) => name === "table")
        .filter(
          (table) =>
            ["cellpadding", "cellspacing", "border"].some((attribute) => table.attributes[attribute] !== "0") ||
            (table.attributes.role !== "presentation") !==
              elements.some(({ name, parent }) => name === "th" && parent?.parent === table),
        )
        .map(({ name }) => name),
    breakIt: inside('<table cellpadding="0" cellspacing="0" border="0"></table>'),
  },
  {
    says: "sets the font in each cell with words: Outlook passes none on into a table",
    source:
      "https://help.addemar.com/faq/index.php?action=artikel&cat=16&id=173 https://litmus.com/community/discussions/5374-outlook-on-windows-and-the-font-stack",
    offences: ({ html }) =>
      [...html.matchAll(/<(t[dh])\b([^>]*)>(?:<(?:p|span|h1)\b([^>]*)>)?[^<\s]/g)]
        .filter(([, , cell = "", inner = ""]) => !`${cell}${inner}`.includes("font-"))
        .map(([whole]) => whole),
    breakIt: inside("<table><tr><td>words</td></tr></table>"),
  },
  {
    says: "closes what it opens",
    source: "https://www.w3.org/TR/html5/syntax.html#optional-tags",
    offences: ({ unbalanced }) => unbalanced,
    breakIt: inside("<p>"),
  },
  {
    says: "loads nothing but the logo, and has no script: Gmail strips <link>, and Outlook shows no background image",
    source: `${can("html-link")} ${can("css-background-image")}`,
    offences: ({ elements }) =>
      elements.flatMap(({ name, attributes }) => [
        ...Object.keys(attributes).filter((attribute) => /^on|^(background|srcset|action|data)$/.test(attribute)),
        ...(attributes.src !== undefined && name !== "img" ? [name] : []),
      ]),
    breakIt: inside('<p background="https://example.com/a.png"></p>'),
  },
  {
    says: "is far below the 102 KB at which Gmail cuts a message off, encoded as it is sent",
    source: "https://github.com/hteumeuleu/email-bugs/issues/41",
    // Quoted-printable writes three characters for `=` and for each byte of a letter like ü.
    offences: ({ html }) => {
      const bytes = new TextEncoder().encode(html);
      const size = bytes.reduce((sum, byte) => sum + (byte > 126 || byte === 61 ? 3 : 1), 0);
      return size < 34 * KILOBYTE ? [] : [`${size} bytes`];
    },
    breakIt: inside(`<p>${"long ".repeat(7_000)}</p>`),
  },
];

/** Whether `own` also sets `property`, as `border-top` sets `border-color`. */
function isPartOf(property: string, own: string): boolean {
  return own === property || (property === "border-color" && /^border-(top|bottom)$/.test(own));
}

/** Reads the HTML of an email. Understands only what our emails contain. */
export function readEmail(html: string): Email {
  const styles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(([, css = ""]) => css);
  const plain = html.replaceAll(/<!--.*?-->/gs, "").replaceAll(/(?<=<style>).*?(?=<\/style>)/gs, "");
  const elements: Element[] = [];
  const unbalanced: string[] = [];
  const open: Element[] = [];
  for (const [, slash, name = "", rest = ""] of plain.matchAll(/<(\/?)([a-z][\w:]*)([^>]*)>/g)) {
    if (slash === "/") {
      const last = open.pop();
      if (last?.name !== name) unbalanced.push(`</${name}>`);
      continue;
    }
    const attributes = Object.fromEntries(
      [...rest.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, attribute = "", value = ""]) => [attribute, value]),
    );
    const style = Object.fromEntries(
      (attributes.style ?? "")
        .split(";")
        .filter((declaration) => declaration !== "")
        .map((declaration) => {
          const [property = "", ...value] = declaration.split(":");
          return [property.trim(), value.join(":").trim()];
        }),
    );
    const element = { name, attributes, style, parent: open.at(-1) };
    elements.push(element);
    if (!VOID.includes(name)) open.push(element);
  }
  return { html, elements, styles, unbalanced: [...unbalanced, ...open.map(({ name }) => `<${name}>`)] };
}
