// Blob (https://w3c.github.io/FileAPI/#blob-section), wholly in memory; without streams, File and FormData.

const host = internal.web.host;
const { bytesOf, Bytes, iteratorSymbol, list, listOf, math, newPromise, regexps, strings, typedArrays } = internal.web.primordials;
const { defineInterface, dictionary, scalarString } = internal.web.interface;
const { notSupported } = internal.web.not_supported;

const PLAIN = /^[\x20-\x7e]*$/;

let bytesOfBlob;

class Blob {
  #bytes;
  #type;

  static {
    bytesOfBlob = (value) => (typeof value === "object" && value !== null && #bytes in value ? value.#bytes : undefined);
  }

  constructor(parts = undefined, options = undefined) {
    const { type = "", endings = "transparent" } = dictionary(options, "Blob options");
    if (endings !== "transparent") throw notSupported(`Blob with endings ${endings}`);
    this.#bytes = joined(parts);
    this.#type = regexps.exec(PLAIN, `${type}`) === null ? "" : strings.toLowerCase(`${type}`);
  }

  get size() {
    return this.#bytes.length;
  }
  get type() {
    return this.#type;
  }

  slice(start = 0, end = this.#bytes.length, type = "") {
    const size = this.#bytes.length;
    const from = place(start, size);
    const to = math.max(from, place(end, size));
    return new Blob([typedArrays.slice(this.#bytes, from, to)], { type });
  }

  arrayBuffer() {
    return newPromise((resolve) => resolve(typedArrays.get_buffer(typedArrays.slice(this.#bytes))));
  }
  bytes() {
    return newPromise((resolve) => resolve(typedArrays.slice(this.#bytes)));
  }
  text() {
    return newPromise((resolve) => resolve(host.decodeUtf8(this.#bytes, false)));
  }
  stream() {
    this.#bytes;
    throw notSupported("Blob.stream");
  }
}
defineInterface(Blob);

function place(given, size) {
  const index = math.trunc(+given) || 0;
  return index < 0 ? math.max(size + index, 0) : math.min(index, size);
}

function joined(parts) {
  if (parts === undefined) return new Bytes(0);
  if ((typeof parts !== "object" && typeof parts !== "function") || parts === null || parts[iteratorSymbol] === undefined) {
    throw new TypeError("Failed to construct 'Blob': Argument 1 can not be converted to sequence.");
  }
  const given = listOf(parts);
  const pieces = list();
  let size = 0;
  for (let index = 0; index < given.length; index++) {
    const piece = bytesOfBlob(given[index]) ?? bytesOf(given[index]) ?? host.encodeUtf8(scalarString(given[index]));
    pieces[index] = piece;
    size += piece.length;
  }
  const bytes = new Bytes(size);
  let at = 0;
  for (let index = 0; index < pieces.length; index++) {
    typedArrays.set(bytes, pieces[index], at);
    at += pieces[index].length;
  }
  return bytes;
}

internal.web.blob = { __proto__: null, Blob, bytesOfBlob };
