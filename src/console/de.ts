/** The console in German. */
import { start } from "./main.tsx";
import { german } from "./words/de.ts";

start(german);
