/** A cached JWKS may be this old: new keys are published much longer before they sign. */
export const JWKS_MAX_AGE_SECONDS = 300;

/** Of the JWKS, and of the metadata that leads to it. */
export const JWKS_CACHE_HEADER = { "Cache-Control": `public, max-age=${JWKS_MAX_AGE_SECONDS}` };
