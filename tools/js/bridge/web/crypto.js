// crypto: random values from the host, and digests. Of SubtleCrypto only `digest` is there.

const host = internal.web.host;
const { bytesOf, Bytes, newPromise, strings, typedArrayName, typedArrays } = internal.web.primordials;
const { defineInterface, byPlatform, onlyInternal, required } = internal.web.interface;
const { DOMException } = internal.web.dom_exception;

// What one call may ask for (https://w3c.github.io/webcrypto/#Crypto-method-getRandomValues), and the host gives at once.
const MAX_RANDOM_BYTES = 65536;
const HEX = "0123456789abcdef";
const INTEGERS = {
  __proto__: null, Int8Array: 1, Uint8Array: 1, Uint8ClampedArray: 1, Int16Array: 1, Uint16Array: 1, Int32Array: 1, Uint32Array: 1,
  BigInt64Array: 1, BigUint64Array: 1,
};

class SubtleCrypto {
  #brand;

  constructor(token) {
    onlyInternal(token);
  }

  digest(algorithm, data) {
    const given = arguments.length;
    return newPromise((resolve) => {
      this.#brand;
      required(given, 2, "Failed to execute 'digest' on 'SubtleCrypto'");
      const name = strings.toUpperCase(typeof algorithm === "string" ? algorithm : `${algorithm.name}`);
      const bytes = bytesOf(data);
      if (bytes === undefined) {
        throw new TypeError("Failed to execute 'digest' on 'SubtleCrypto': Argument 2 is no buffer and no view of one");
      }
      const digest = host.digest(name, bytes);
      if (digest === undefined || digest === null) throw new DOMException(`Algorithm '${name}' is not supported`, "NotSupportedError");
      resolve(digest);
    });
  }
}
defineInterface(SubtleCrypto);

class Crypto {
  #subtle = new SubtleCrypto(byPlatform);

  constructor(token) {
    onlyInternal(token);
  }

  get subtle() {
    return this.#subtle;
  }

  getRandomValues(array) {
    this.#subtle;
    required(arguments.length, 1, "Failed to execute 'getRandomValues' on 'Crypto'");
    const name = typeof array === "object" && array !== null ? typedArrayName(array) : undefined;
    if (name === undefined || INTEGERS[name] === undefined) {
      throw new DOMException("The provided value is not an integer-type TypedArray", "TypeMismatchError");
    }
    const bytes = bytesOf(array);
    if (bytes.length > MAX_RANDOM_BYTES) {
      throw new DOMException(
        `The ArrayBufferView's byte length (${bytes.length}) exceeds the number of bytes of entropy available via this API (65536)`,
        "QuotaExceededError",
      );
    }
    if (bytes.length > 0) typedArrays.set(bytes, host.randomBytes(bytes.length));
    return array;
  }

  // A UUID of version 4 (RFC 9562).
  randomUUID() {
    this.#subtle;
    const bytes = new Bytes(16);
    typedArrays.set(bytes, host.randomBytes(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = "";
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) text += "-";
      text += HEX[bytes[index] >> 4] + HEX[bytes[index] & 15];
    }
    return text;
  }
}
defineInterface(Crypto);

const crypto = new Crypto(byPlatform);

internal.web.crypto = { __proto__: null, SubtleCrypto, Crypto, crypto };
