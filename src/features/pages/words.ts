import type { Locale } from "../../config/languages.ts";
import { german } from "./words/de.ts";
import { english, type PageWords } from "./words/en.ts";

/** The texts of the hosted pages in every language. Only the build reads them: the Worker serves the built pages. */
export const PAGE_WORDS: Record<Locale, PageWords> = { en: english, de: german };
