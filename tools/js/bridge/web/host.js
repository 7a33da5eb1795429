// What the platform takes from Rust, read once before any script runs.

const { natives } = internal;
const { now, urlParse, urlSet, encodeUtf8, decodeUtf8, decodeUtf16, decodeLatin1, digest, promiseResult, promiseState, proxyTarget } = natives;

const LEVELS = { __proto__: null, debug: 0, info: 1, warn: 2, error: 3 };

// (level: "debug" | "info" | "warn" | "error", message): a line of the tool's log, at most 4,096 bytes.
function log(level, message) {
  natives.log(LEVELS[level], message);
}

// So many random bytes, at most 65,536. There are none before a call has begun.
function randomBytes(count) {
  const bytes = natives.random(count);
  if (bytes === undefined || bytes === null) throw new Error("there is no randomness while a script is compiled or describes its tools");
  return bytes;
}

internal.web.host = {
  __proto__: null, log, now, randomBytes, urlParse, urlSet, encodeUtf8, decodeUtf8, decodeUtf16, decodeLatin1, digest, promiseResult,
  promiseState, proxyTarget,
};
