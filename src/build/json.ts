/** JSON values. Members that are `undefined` are left out of the text. */
export type Json = string | number | boolean | null | undefined | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };
