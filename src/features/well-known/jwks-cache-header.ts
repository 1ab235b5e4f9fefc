/** How long a JWKS may be cached. Before a new key signs, it is published for much longer than this. */
export const JWKS_MAX_AGE_SECONDS = 300;

/** The `Cache-Control` header of the JWKS, the metadata and the list of related origins. */
export const JWKS_CACHE_HEADER = { "Cache-Control": `public, max-age=${JWKS_MAX_AGE_SECONDS}` };
