/** What a reader sees of an email's HTML: a line for each block, a label and its value on one line. */
export function shownText(html: string): string {
  return html
    .replaceAll(/<!--.*?-->|<style>.*?<\/style>/gs, "")
    .replaceAll(/<\/th><td[^>]*>/g, ": ")
    .replaceAll(/<[^>]*>/g, "\n")
    .replaceAll("&nbsp;", " ")
    .replaceAll("&zwnj;", "")
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
