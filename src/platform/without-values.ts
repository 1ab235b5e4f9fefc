/**
 * Removes everything that may be a value from an error message that leaves the operator's own systems. Keeps plain
 * words, codes such as `D1_ERROR`, short numbers and the reasons of failed emails. Removes all text after a word that
 * announces a value, such as `password`, because a passphrase consists of plain words too.
 */
export function withoutValues(text: string): string {
  const kept: string[] = [];
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    const core = word.replace(/^[^\p{L}\p{N}…<]+|[^\p{L}\p{N}…<]+$/gu, "");
    if (PLAIN.test(core)) kept.push(word);
    else if (kept.at(-1) !== LEFT_OUT) kept.push(LEFT_OUT);
    if (ANNOUNCES.test(word)) return [...kept, LEFT_OUT].join(" ");
  }
  return kept.join(" ");
}

const LEFT_OUT = "…";

/**
 * A word, a code in capitals, a short number, the reason of a failed email or request, the `<` between error names, or
 * `…`.
 */
const PLAIN =
  /^([A-Za-z]{1,24}|[A-Z][A-Z0-9]{0,15}(_[A-Z0-9]{1,15}){1,4}|\d{1,4}|(smtp|resend|cloudflare|mail|status)(_[a-z0-9]{1,16}){1,3}|<|…)$/;

const ANNOUNCES =
  /(?<![a-z])(pass(word|phrase|wd|code)|pin|secret|token|bearer|basic|authorization|cookie|credential|key|e?mail|user(name)?|name|phone|address|ip|value)s?(?![a-z])/i;
