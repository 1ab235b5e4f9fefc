/** The console in English. */
import { start } from "./main.tsx";
import { english } from "./words/en.ts";

start(english);
