// What the platform takes from Rust, read once before any script runs.

const natives = globalThis.__natives;

// (level: "debug" | "info" | "warn" | "error", message): a line of the tool's log.
export const log = natives.log;
// Milliseconds since 1970 with a fraction.
export const now = natives.now;
// (count): that many random bytes, as an array or a Uint8Array; at most 65,536.
export const randomBytes = natives.randomBytes;
export const { urlParse, urlSet, encodeUtf8, decodeUtf8, decodeUtf16, decodeLatin1, digest, promiseResult, promiseState, proxyTarget } = natives;
