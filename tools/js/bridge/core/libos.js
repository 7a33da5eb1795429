// The system calls under the names of the contract: `libos.fs.read(path)` and so on, from the table in mirror.js.

const { ownKeys, isView, Promise, Uint8Array, String, TypeError, toWellFormed, isInteger, freeze } = internal.intrinsics;
const { encode, clock, random, workingDirectory, log } = internal.natives;

/** Bytes of a text or of a view; anything else is a mistake. */
internal.bytesOf = (value) => {
  if (typeof value === "string") return encode(toWellFormed(value));
  if (value instanceof Uint8Array) return value;
  if (isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError("content must be a string or a Uint8Array");
};

const answerOf = {
  __proto__: null,
  n: () => undefined,
  b: (value, content) => content,
  v: (value) => value,
  p: (value, content) => (value[1] === "bytes" ? [value[0], { bytes: content }] : value),
};

/** One function of the mirror: its promise is rejected with what `toError` makes of a problem. */
internal.systemCall = (row, given, toError) => {
  const operation = row[0], names = row[1], kinds = row[2], answer = row[3];
  const parameters = { __proto__: null };
  let content;
  for (let at = 0; at < names.length; at++) {
    const value = given[at];
    const kind = kinds[at];
    if (kind === "b") {
      content = internal.bytesOf(value);
    } else if (kind === "p" && typeof value === "object" && value !== null && value.bytes !== undefined) {
      content = internal.bytesOf(value.bytes);
      parameters[names[at]] = "bytes";
    } else if (kind === "e") {
      parameters[names[at]] = value === undefined ? row[4] : value;
    } else if (kind === "f") {
      parameters[names[at]] = value === undefined ? false : value;
    } else {
      parameters[names[at]] = value === undefined ? null : value;
    }
  }
  return new Promise((resolve, reject) => {
    internal.submitTo(operation, parameters, content, (value, bytes) => resolve(answerOf[answer](value, bytes)), (problem) =>
      reject((toError ?? internal.errorOf)(problem)));
  });
};

// What needs no ticket: it is free and there at once.
const levels = { __proto__: null, debug: 0, info: 1, warn: 2, error: 3 };
const atOnce = {
  __proto__: null,
  "clock.now": () => {
    const now = clock();
    return { seconds: now[0], nanoseconds: now[1] };
  },
  "fs.working-directory": () => workingDirectory() ?? "/",
  "log.write": (level, message) => {
    const number = levels[level];
    if (number === undefined) throw new TypeError("the level is none of debug, info, warn and error");
    log(number, toWellFormed(String(message)));
  },
  "random.bytes": (count) => {
    if (!isInteger(count) || count < 0 || count > 65536) {
      throw new internal.LibosError("count is a whole number, at most 65536", "too-large");
    }
    const bytes = random(count);
    if (bytes === undefined) throw new internal.LibosError("there is no randomness before a call has begun", "denied");
    return bytes;
  },
};

const libos = {};
internal.libos = libos;
for (const area of ownKeys(internal.mirror)) {
  const functions = {};
  for (const name of ownKeys(internal.mirror[area])) {
    const row = internal.mirror[area][name];
    const quick = atOnce[row[0]];
    const call = quick === undefined
      ? { [name](...given) { return internal.systemCall(row, given); } }[name]
      : { async [name](...given) { return quick(given[0], given[1]); } }[name];
    internal.define(functions, name, call, true);
  }
  internal.define(libos, area, freeze(functions), true);
}
internal.define(libos, "Error", internal.LibosError, true);
internal.define(globalThis, "libos", libos);
