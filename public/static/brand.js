/**
 * The page /dev/brand of development: previews a page and an email in the brand of the form, and shows the lines of
 * configuration for this brand. The frames run no scripts: their `sandbox` attributes forbid scripts.
 */
import { accentStrong, brandFiles, COLOR_VARIABLES, contrastWarnings, readTheme, sampleMails } from "./brand-kit.js";
import { byId, element, formById, inputById, setText } from "./elements.js";

/** @typedef {import("./brand-kit.js").Brand} Brand */
/** @typedef {"light" | "dark"} Look */
/** @typedef {keyof typeof COLOR_VARIABLES} ColorName */

const form = formById("brand");
const pageFrame = byId("page-frame", HTMLIFrameElement);
const emailFrame = byId("email-frame", HTMLIFrameElement);
const kinds = byId("email", HTMLSelectElement);
const names = /** @type {ColorName[]} */ (Object.keys(COLOR_VARIABLES));

/** @param {string} path @param {string} accept */
const read = async (path, accept) => (await fetch(path, { headers: { Accept: accept } })).text();

/** The service's current theme and product name, and the styles of its pages. */
const theme = readTheme(await read("/static/theme.css", "text/css")).theme;
const styles = await read("/static/postern.css", "text/css");
const configured = new DOMParser()
  .parseFromString(await read("/login", "text/html"), "text/html")
  .getElementById("product")?.textContent;

/** The URL of the chosen logo of the pages. It is valid while this page is open. */
let logo = "/static/logo.svg";
/** Counts the requests for a page: the answer to an earlier request must not replace a later page. */
let asked = 0;

/** @param {string} id */
const choice = (id) => byId(id, HTMLSelectElement).value;
/** @returns {Look} */
const look = () => (choice("look") === "dark" ? "dark" : "light");
const language = () => (choice("language") === "de" ? "de" : "en");

/** @param {Look} scheme */
function addSwatches(scheme) {
  const swatches = names.map((name) => {
    const input = element("input", "");
    input.type = "color";
    input.id = `${scheme}-${name}`;
    // The form's `reset` restores this value, the service's current color.
    input.setAttribute("value", theme[scheme][name]);
    return element("label", "", input, COLOR_VARIABLES[name]);
  });
  byId(`${scheme}-colors`, HTMLElement).append(...swatches);
}

/** @param {Look} scheme */
function colorsOf(scheme) {
  const colors = { ...theme[scheme] };
  for (const name of names) colors[name] = inputById(`${scheme}-${name}`).value;
  return colors;
}

/** @returns {Brand} */
function brand() {
  const width = inputById("logo-width");
  return {
    product: inputById("product").value.trim() || "Postern",
    sender: inputById("sender").value.trim(),
    logoUrl: inputById("logo-url").value.trim(),
    logoWidth: width.checkValidity() && width.value !== "" ? Number(width.value) : 120,
    theme: { light: colorsOf("light"), dark: colorsOf("dark"), radius: Number(inputById("radius").value) },
  };
}

function show() {
  const current = brand();
  const warnings = contrastWarnings(current.theme);
  if (/\.svgz?$/i.test(current.logoUrl)) warnings.push("Gmail and Outlook show no SVG. Choose a PNG for emails.");
  byId("warnings", HTMLElement).replaceChildren(...warnings.map((warning) => element("li", "", warning)));
  const texts = brandFiles(current);
  setText("variables", texts.variables);
  setText("toml", texts.toml);
  setText("css", texts.css || "/* The default colors. */\n");
  showEmail(current);
  paintPage(current);
}

/** @param {Brand} current */
function showEmail({ product, sender, logoUrl, logoWidth, theme: own }) {
  // The dark look of an email is in its style sheet, which is removed below. So both looks get the chosen colors.
  const colors = own[look()];
  const image = logoUrl === "" ? undefined : { url: new URL(logoUrl, location.href).href, width: logoWidth };
  const mails = sampleMails(
    language(),
    { product, logo: image, theme: { ...own, light: colors, dark: colors } },
    { origin: location.origin },
  );
  const mail = mails.find(({ kind }) => kind === kinds.value) ?? mails[0];
  setText("email-sender", sender || `${product} <no-reply@example.com>`);
  setText("email-subject", mail?.subject ?? "");
  emailFrame.srcdoc = (mail?.html ?? "").replaceAll(/<style>.*?<\/style>/gs, "");
}

/** Loads the chosen page into the frame, without its scripts. */
async function showPage() {
  asked += 1;
  const mine = asked;
  const text = await read(`${choice("page")}?lang=${language()}`, "text/html");
  if (mine !== asked) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const unwanted of page.querySelectorAll("script, noscript, [rel=modulepreload], [href*='theme.css']")) {
    unwanted.remove();
  }
  for (const needing of page.querySelectorAll(".needs-script")) needing.classList.remove("needs-script");
  for (const disabled of page.querySelectorAll("[disabled]")) disabled.removeAttribute("disabled");
  // The script of the page, which is removed, would show this form if the browser has passkeys.
  page.getElementById("passkey-login")?.removeAttribute("hidden");
  pageFrame.srcdoc = `<!doctype html>${page.documentElement.outerHTML}`;
}

/** @param {Brand} current */
function paintPage({ product, theme: own }) {
  const page = pageFrame.contentDocument;
  const name = page?.getElementById("product");
  if (page === null || !name) return;
  name.textContent = product;
  for (const mark of page.querySelectorAll(".brand-mark")) mark.setAttribute("src", logo);
  const { style } = page.documentElement;
  style.setProperty("color-scheme", look());
  for (const [variable, value] of variablesOf(look())) style.setProperty(variable, value);
  for (const color of names) style.setProperty(COLOR_VARIABLES[color], own[look()][color]);
  style.setProperty("--accent-strong", accentStrong(own[look()].accent, look()));
  style.setProperty("--radius", `${own.radius}px`);
}

/**
 * All variables of postern.css in one look. Without them, the frame would use the look of the system.
 *
 * @param {Look} scheme
 */
function variablesOf(scheme) {
  const [first, second] = [...styles.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) => block);
  const text = scheme === "dark" ? `${first}${second}` : `${first}`;
  return [...text.matchAll(/(--[\w-]+): ([^;]+);/g)].map(
    ([, name, value]) => /** @type {const} */ ([`${name}`, `${value}`]),
  );
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const id = button.dataset.copies ?? "";
  await navigator.clipboard.writeText(byId(id, HTMLElement).textContent ?? "");
  setText("copied", "Copied.");
}

addSwatches("light");
addSwatches("dark");
inputById("product").setAttribute("value", configured ?? "Postern");
inputById("radius").setAttribute("value", String(theme.radius));
kinds.append(
  ...sampleMails("en", { product: "Postern", logo: undefined, theme }, { origin: location.origin }).map(({ kind }) => {
    const option = element("option", "", kind.replaceAll("_", " "));
    option.value = kind;
    return option;
  }),
);

form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => {
  logo = "/static/logo.svg";
  // The fields get their initial values back only after this event.
  setTimeout(show);
});
inputById("logo").addEventListener("change", () => {
  const [file] = inputById("logo").files ?? [];
  logo = file === undefined ? "/static/logo.svg" : URL.createObjectURL(file);
  show();
});
pageFrame.addEventListener("load", () => paintPage(brand()));
byId("look", HTMLSelectElement).addEventListener("change", show);
kinds.addEventListener("change", show);
byId("page", HTMLSelectElement).addEventListener("change", showPage);
byId("language", HTMLSelectElement).addEventListener("change", () => {
  show();
  showPage();
});
for (const button of document.querySelectorAll("button[data-copies]")) {
  if (button instanceof HTMLButtonElement) button.addEventListener("click", () => copy(button));
}

byId("workshop", HTMLElement).hidden = false;
show();
await showPage();
