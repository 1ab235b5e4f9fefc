/** JSON as the document is built: what is `undefined` is left out of the text. */
export type Json = string | number | boolean | null | undefined | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };
