// TextEncoder and TextDecoder (https://encoding.spec.whatwg.org): UTF-8, UTF-16 in both orders, windows-1252. No stream classes.

const host = internal.web.host;
const { bytesOf, Bytes, strings, typedArrayName, typedArrays } = internal.web.primordials;
const { defineInterface, dictionary, required, scalarString } = internal.web.interface;

const LABELS = {
  __proto__: null,
  "utf-8": ["utf8", "utf-8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"],
  "utf-16le": ["utf-16", "utf-16le", "csunicode", "iso-10646-ucs-2", "ucs-2", "unicode", "unicodefeff"],
  "utf-16be": ["utf-16be", "unicodefffe"],
  "windows-1252": [
    "latin1", "ascii", "us-ascii", "iso-8859-1", "iso8859-1", "iso88591", "iso_8859-1", "iso_8859-1:1987", "windows-1252", "cp1252",
    "x-cp1252", "ansi_x3.4-1968", "cp819", "csisolatin1", "ibm819", "iso-ir-100", "l1",
  ],
};
const ENCODINGS = ["utf-8", "utf-16le", "utf-16be", "windows-1252"];

function encodingOf(label) {
  const wanted = strings.toLowerCase(strings.trim(label));
  for (let index = 0; index < ENCODINGS.length; index++) {
    const labels = LABELS[ENCODINGS[index]];
    for (let each = 0; each < labels.length; each++) if (labels[each] === wanted) return ENCODINGS[index];
  }
  throw new RangeError(`The encoding label provided ('${label}') is invalid.`);
}

function encodeText(text) {
  return host.encodeUtf8(scalarString(text));
}

// As `Response.text()` decodes: wrong bytes are replaced, a mark at the beginning is left out.
function decodeText(bytes) {
  return host.decodeUtf8(withoutMark(bytes, "utf-8"), false);
}

function withoutMark(bytes, encoding) {
  const { 0: first, 1: second, 2: third } = bytes;
  if (encoding === "utf-8" && first === 0xef && second === 0xbb && third === 0xbf) return typedArrays.subarray(bytes, 3);
  if (encoding === "utf-16le" && first === 0xff && second === 0xfe) return typedArrays.subarray(bytes, 2);
  if (encoding === "utf-16be" && first === 0xfe && second === 0xff) return typedArrays.subarray(bytes, 2);
  return bytes;
}

class TextEncoder {
  #brand;

  get encoding() {
    this.#brand;
    return "utf-8";
  }

  encode(input = "") {
    this.#brand;
    return encodeText(input);
  }

  // Writes whole characters only, as many as fit.
  encodeInto(source, destination) {
    this.#brand;
    required(arguments.length, 2, "Failed to execute 'encodeInto' on 'TextEncoder'");
    if (typedArrayName(destination) !== "Uint8Array") {
      throw new TypeError("Failed to execute 'encodeInto' on 'TextEncoder': Argument 2 is not an Uint8Array object");
    }
    const text = scalarString(source);
    const room = typedArrays.get_length(destination);
    // A unit is at most three bytes, and at least one is written for it: more units than there is room for are never read.
    const bytes = host.encodeUtf8(strings.toWellFormed(strings.slice(text, 0, room + 1)));
    let written = bytes.length <= room ? bytes.length : room;
    while (written < bytes.length && (bytes[written] & 0xc0) === 0x80) written--;
    let read = 0;
    let ended = 0;
    for (let index = 0; index < written; ) {
      const first = bytes[index];
      const size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
      // The slice may have cut a pair in two; what stands for the half is not written.
      const units = size === 4 ? 2 : 1;
      if (read + units > text.length) break;
      const code = strings.codePointAt(text, read);
      if (units === 1 && code > 0xffff) break;
      read += units;
      index += size;
      ended = index;
    }
    written = ended;
    typedArrays.set(destination, typedArrays.subarray(bytes, 0, written));
    return { read, written };
  }
}
defineInterface(TextEncoder);

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  // What a stream left over, and whether its beginning has been seen.
  #rest = new Bytes(0);
  #begun = false;
  #streaming = false;

  constructor(label = "utf-8", options = undefined) {
    const { fatal, ignoreBOM } = dictionary(options, "TextDecoder options");
    this.#encoding = encodingOf(`${label}`);
    this.#fatal = !!fatal;
    this.#ignoreBOM = !!ignoreBOM;
  }

  get encoding() {
    return this.#encoding;
  }
  get fatal() {
    return this.#fatal;
  }
  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input = undefined, options = undefined) {
    const { stream } = dictionary(options, "TextDecoder.decode options");
    let bytes = input === undefined ? new Bytes(0) : bytesOf(input);
    if (bytes === undefined) throw new TypeError("Failed to execute 'decode' on 'TextDecoder': Argument 1 is no buffer and no view of one");
    if (!this.#streaming) {
      this.#rest = new Bytes(0);
      this.#begun = false;
    }
    this.#streaming = !!stream;
    if (this.#rest.length > 0) bytes = joined(this.#rest, bytes);
    const end = stream ? wholeLength(bytes, this.#encoding, this.#begun) : bytes.length;
    this.#rest = typedArrays.slice(bytes, end);
    bytes = typedArrays.subarray(bytes, 0, end);
    if (!this.#begun && bytes.length > 0) {
      this.#begun = true;
      if (!this.#ignoreBOM) bytes = withoutMark(bytes, this.#encoding);
    }
    const text = decoded(bytes, this.#encoding, this.#fatal);
    if (text === undefined || text === null) throw new TypeError("The encoded data is not valid");
    return text;
  }
}
defineInterface(TextDecoder);

function decoded(bytes, encoding, fatal) {
  if (encoding === "utf-8") return host.decodeUtf8(bytes, fatal);
  if (encoding === "windows-1252") return host.decodeLatin1(bytes);
  return host.decodeUtf16(bytes, encoding === "utf-16be", fatal);
}

function joined(left, right) {
  const bytes = new Bytes(left.length + right.length);
  typedArrays.set(bytes, left);
  typedArrays.set(bytes, right, left.length);
  return bytes;
}

// How many bytes at the beginning can be decoded now; the rest waits for what follows.
function wholeLength(bytes, encoding, begun) {
  const { length } = bytes;
  if (encoding === "windows-1252") return length;
  if (encoding === "utf-8") {
    if (!begun && length < 3 && (length === 0 || bytes[0] === 0xef) && (length < 2 || bytes[1] === 0xbb)) return 0;
    return wholeUtf8(bytes, length);
  }
  const even = length - (length % 2);
  if (even === 0) return 0;
  const high = encoding === "utf-16be" ? bytes[even - 2] : bytes[even - 1];
  return high >= 0xd8 && high <= 0xdb ? even - 2 : even;
}

// Without a sequence at the end that may go on: one to three bytes, by the table of well-formed sequences of Unicode.
function wholeUtf8(bytes, length) {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if (byte < 0x80) return length;
    if (byte < 0xc0) continue;
    const size = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
    if (size <= back) return length;
    if (back > 1 && !goesOn(byte, bytes[length - back + 1])) return length;
    return length - back;
  }
  return length;
}

function goesOn(first, second) {
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}

internal.web.encoding = { __proto__: null, encodeText, decodeText, TextEncoder, TextDecoder };
