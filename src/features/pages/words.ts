import type { Locale } from "../../config/languages.ts";
import type { PageWords } from "./page-words.ts";
import { german } from "./words/de.ts";
import { english } from "./words/en.ts";

/** The texts of the hosted pages in every language. Only the build reads them. */
export const PAGE_WORDS: Record<Locale, PageWords> = { en: english, de: german };
