/** The texts of the emails in every language. */
import type { Locale } from "../../config/languages.ts";
import type { Language } from "../messages.ts";
import { german } from "./de.ts";
import { english } from "./en.ts";

export const LANGUAGES: Readonly<Record<Locale, Language>> = { en: english, de: german };
