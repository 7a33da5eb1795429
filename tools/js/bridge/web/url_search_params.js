// URLSearchParams (https://url.spec.whatwg.org/#interface-urlsearchparams).

const host = internal.web.host;
const { apply, arrayOf, Bytes, iteratorSymbol, list, listOf, objects, reflect, stringStatics, strings } = internal.web.primordials;
const { defineInterface, required, scalarString } = internal.web.interface;
const { pairIterator } = internal.web.pair_iterator;

const { fromCharCode } = stringStatics;
const HEX = "0123456789ABCDEF";

function hexValue(unit) {
  if (unit >= 48 && unit <= 57) return unit - 48;
  if (unit >= 65 && unit <= 70) return unit - 55;
  if (unit >= 97 && unit <= 102) return unit - 87;
  return -1;
}

// One name or value of `application/x-www-form-urlencoded`.
function decodeComponent(text) {
  let plain = true;
  for (let index = 0; index < text.length && plain; index++) plain = text[index] !== "+" && text[index] !== "%";
  if (plain) return text;
  const bytes = host.encodeUtf8(text);
  const result = new Bytes(bytes.length);
  let size = 0;
  for (let index = 0; index < bytes.length; index++) {
    let byte = bytes[index];
    if (byte === 0x2b) byte = 0x20;
    else if (byte === 0x25 && index + 2 < bytes.length) {
      const high = hexValue(bytes[index + 1]);
      const low = hexValue(bytes[index + 2]);
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        index += 2;
      }
    }
    result[size++] = byte;
  }
  return host.decodeUtf8(new Bytes(result.buffer, 0, size), false);
}

function encodeComponent(text) {
  const bytes = host.encodeUtf8(text);
  let result = "";
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    const kept = (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) ||
      byte === 42 || byte === 45 || byte === 46 || byte === 95;
    if (kept) result += fromCharCode(byte);
    else if (byte === 32) result += "+";
    else result += `%${HEX[byte >> 4]}${HEX[byte & 15]}`;
  }
  return result;
}

function parseForm(text) {
  const pairs = list();
  let start = 0;
  while (start <= text.length) {
    let end = strings.indexOf(text, "&", start);
    if (end < 0) end = text.length;
    if (end > start) {
      const part = strings.slice(text, start, end);
      const equals = strings.indexOf(part, "=");
      const name = equals < 0 ? part : strings.slice(part, 0, equals);
      const value = equals < 0 ? "" : strings.slice(part, equals + 1);
      pairs[pairs.length] = { __proto__: null, name: decodeComponent(name), value: decodeComponent(value) };
    }
    start = end + 1;
  }
  return pairs;
}

function serializeForm(pairs) {
  let text = "";
  for (let index = 0; index < pairs.length; index++) {
    if (index > 0) text += "&";
    text += `${encodeComponent(pairs[index].name)}=${encodeComponent(pairs[index].value)}`;
  }
  return text;
}

function pairsOf(init) {
  if (typeof init !== "object" && typeof init !== "function") {
    const text = scalarString(init);
    return parseForm(text[0] === "?" ? strings.slice(text, 1) : text);
  }
  const pairs = list();
  if (init === null) return parseForm("null");
  if (init[iteratorSymbol] !== undefined && init[iteratorSymbol] !== null) {
    const given = listOf(init);
    for (let index = 0; index < given.length; index++) {
      const pair = typeof given[index] === "object" && given[index] !== null ? listOf(given[index]) : list();
      if (pair.length !== 2) throw new TypeError("Each query pair must be an iterable [name, value] tuple");
      pairs[pairs.length] = { __proto__: null, name: scalarString(pair[0]), value: scalarString(pair[1]) };
    }
    return pairs;
  }
  const keys = reflect.ownKeys(init);
  for (let index = 0; index < keys.length; index++) {
    const descriptor = objects.getOwnPropertyDescriptor(init, keys[index]);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    if (typeof keys[index] === "symbol") throw new TypeError("Cannot convert a Symbol value to a string");
    pairs[pairs.length] = { __proto__: null, name: scalarString(keys[index]), value: scalarString(init[keys[index]]) };
  }
  return pairs;
}

let replace, bind;

class URLSearchParams {
  #pairs;
  // Tells the URL that it belongs to.
  #changed = undefined;

  static {
    replace = (params, text) => {
      params.#pairs = parseForm(text);
    };
    bind = (params, changed) => {
      params.#changed = changed;
    };
  }

  constructor(init = "") {
    this.#pairs = pairsOf(init);
  }

  #tell() {
    if (this.#changed !== undefined) this.#changed(serializeForm(this.#pairs));
  }

  append(name, value) {
    this.#pairs;
    if (arguments.length < 2) throw new TypeError('The "name" and "value" arguments must be specified');
    this.#pairs[this.#pairs.length] = { __proto__: null, name: scalarString(name), value: scalarString(value) };
    this.#tell();
  }

  delete(name, value = undefined) {
    this.#pairs;
    if (arguments.length < 1) throw new TypeError('The "name" argument must be specified');
    const wanted = scalarString(name);
    const only = value === undefined ? undefined : scalarString(value);
    const kept = list();
    for (let index = 0; index < this.#pairs.length; index++) {
      const pair = this.#pairs[index];
      if (pair.name !== wanted || (only !== undefined && pair.value !== only)) kept[kept.length] = pair;
    }
    this.#pairs = kept;
    this.#tell();
  }

  getAll(name) {
    this.#pairs;
    if (arguments.length < 1) throw new TypeError('The "name" argument must be specified');
    const wanted = scalarString(name);
    const values = list();
    for (let index = 0; index < this.#pairs.length; index++) {
      if (this.#pairs[index].name === wanted) values[values.length] = this.#pairs[index].value;
    }
    return arrayOf(values);
  }

  get(name) {
    this.#pairs;
    if (arguments.length < 1) throw new TypeError('The "name" argument must be specified');
    const wanted = scalarString(name);
    for (let index = 0; index < this.#pairs.length; index++) if (this.#pairs[index].name === wanted) return this.#pairs[index].value;
    return null;
  }

  has(name, value = undefined) {
    this.#pairs;
    if (arguments.length < 1) throw new TypeError('The "name" argument must be specified');
    const wanted = scalarString(name);
    const only = value === undefined ? undefined : scalarString(value);
    for (let index = 0; index < this.#pairs.length; index++) {
      const pair = this.#pairs[index];
      if (pair.name === wanted && (only === undefined || pair.value === only)) return true;
    }
    return false;
  }

  set(name, value) {
    this.#pairs;
    if (arguments.length < 2) throw new TypeError('The "name" and "value" arguments must be specified');
    const wanted = scalarString(name);
    const text = scalarString(value);
    const kept = list();
    let found = false;
    for (let index = 0; index < this.#pairs.length; index++) {
      const pair = this.#pairs[index];
      if (pair.name !== wanted) {
        kept[kept.length] = pair;
      } else if (!found) {
        found = true;
        kept[kept.length] = { __proto__: null, name: wanted, value: text };
      }
    }
    if (!found) kept[kept.length] = { __proto__: null, name: wanted, value: text };
    this.#pairs = kept;
    this.#tell();
  }

  // By code units of the names; pairs of one name keep their order (merge sort).
  sort() {
    this.#pairs = sorted(this.#pairs);
    this.#tell();
  }

  toString() {
    return serializeForm(this.#pairs);
  }

  get size() {
    return this.#pairs.length;
  }

  entries() {
    return pairIterator("URLSearchParams", () => this.#pairs, "entries");
  }
  keys() {
    return pairIterator("URLSearchParams", () => this.#pairs, "keys");
  }
  values() {
    return pairIterator("URLSearchParams", () => this.#pairs, "values");
  }

  forEach(callback, thisArgument = undefined) {
    this.#pairs;
    required(arguments.length, 1, "URLSearchParams.forEach");
    if (typeof callback !== "function") throw new TypeError('The "callback" argument must be of type function');
    for (let index = 0; index < this.#pairs.length; index++) {
      apply(callback, thisArgument, [this.#pairs[index].value, this.#pairs[index].name, this]);
    }
  }
}
defineInterface(URLSearchParams);
objects.defineProperty(URLSearchParams.prototype, iteratorSymbol, {
  __proto__: null,
  value: URLSearchParams.prototype.entries,
  writable: true,
  configurable: true,
});

function sorted(pairs) {
  if (pairs.length < 2) return pairs;
  const middle = pairs.length >> 1;
  const left = list();
  const right = list();
  for (let index = 0; index < pairs.length; index++) {
    if (index < middle) left[left.length] = pairs[index];
    else right[right.length] = pairs[index];
  }
  const first = sorted(left);
  const second = sorted(right);
  const merged = list();
  let from = 0;
  let other = 0;
  while (from < first.length || other < second.length) {
    const takeFirst = other >= second.length || (from < first.length && first[from].name <= second[other].name);
    merged[merged.length] = takeFirst ? first[from++] : second[other++];
  }
  return merged;
}

// For `URL`: new pairs without telling it, and whom to tell.

internal.web.url_search_params = { __proto__: null, parseForm, serializeForm, URLSearchParams, bindParams: bind, replaceParams: replace };
