// Headers (https://fetch.spec.whatwg.org/#headers-class).

const { apply, arrayOf, iteratorSymbol, list, listOf, objects, reflect, regexps, strings } = internal.web.primordials;
const { defineInterface, required } = internal.web.interface;
const { pairIterator } = internal.web.pair_iterator;

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const EDGES = /^[\t\n\r ]+|[\t\n\r ]+$/;
const FORBIDDEN = /[\0\n\r]/;
const BYTES = /^[\0-\xff]*$/;

function nameOf(given) {
  const name = `${given}`;
  if (regexps.exec(NAME, name) === null) throw new TypeError(`Invalid header name: "${name}"`);
  return strings.toLowerCase(name);
}

function valueOf(given) {
  let value = `${given}`;
  if (regexps.exec(BYTES, value) === null) throw new TypeError("Value is not a valid ByteString");
  for (let edge = regexps.exec(EDGES, value); edge !== null; edge = regexps.exec(EDGES, value)) {
    value = edge.index === 0 ? strings.slice(value, edge[0].length) : strings.slice(value, 0, edge.index);
  }
  if (regexps.exec(FORBIDDEN, value) !== null) throw new TypeError(`Invalid header value: "${value}"`);
  return value;
}

function sortedByName(pairs) {
  const sorted = list();
  for (let index = 0; index < pairs.length; index++) {
    let at = sorted.length;
    for (; at > 0 && sorted[at - 1].name > pairs[index].name; at--) sorted[at] = sorted[at - 1];
    sorted[at] = pairs[index];
  }
  return sorted;
}

let fix, isHeaders;

class Headers {
  #pairs = list();
  // Those of some responses cannot be changed.
  #fixed = false;

  static {
    fix = (headers) => {
      headers.#fixed = true;
      return headers;
    };
    isHeaders = (value) => typeof value === "object" && value !== null && #pairs in value;
  }

  constructor(init = undefined) {
    if (init === undefined) return;
    if ((typeof init !== "object" && typeof init !== "function") || init === null) {
      throw new TypeError("Failed to construct 'Headers': Argument 1 can not be converted to headers");
    }
    if (init[iteratorSymbol] !== undefined && init[iteratorSymbol] !== null) {
      const given = listOf(init);
      for (let index = 0; index < given.length; index++) {
        const pair = listOf(given[index]);
        if (pair.length !== 2) throw new TypeError(`Invalid header: length must be 2, but is ${pair.length}`);
        this.#append(pair[0], pair[1]);
      }
      return;
    }
    const keys = reflect.ownKeys(init);
    for (let index = 0; index < keys.length; index++) {
      const descriptor = objects.getOwnPropertyDescriptor(init, keys[index]);
      if (descriptor !== undefined && descriptor.enumerable) this.#append(keys[index], init[keys[index]]);
    }
  }

  #append(name, value) {
    const pair = { __proto__: null, name: nameOf(name), value: valueOf(value) };
    if (this.#fixed) throw new TypeError("Cannot change header: headers are immutable");
    this.#pairs[this.#pairs.length] = pair;
  }

  #keep(wanted) {
    if (this.#fixed) throw new TypeError("Cannot change header: headers are immutable");
    let to = 0;
    for (let from = 0; from < this.#pairs.length; from++) if (wanted(this.#pairs[from])) this.#pairs[to++] = this.#pairs[from];
    this.#pairs.length = to;
  }

  append(name, value) {
    required(arguments.length, 2, "Failed to execute 'append' on 'Headers'");
    this.#append(name, value);
  }
  delete(name) {
    required(arguments.length, 1, "Failed to execute 'delete' on 'Headers'");
    const wanted = nameOf(name);
    this.#keep((pair) => pair.name !== wanted);
  }
  get(name) {
    required(arguments.length, 1, "Failed to execute 'get' on 'Headers'");
    const wanted = nameOf(name);
    let value = null;
    for (let index = 0; index < this.#pairs.length; index++) {
      if (this.#pairs[index].name === wanted) value = value === null ? this.#pairs[index].value : `${value}, ${this.#pairs[index].value}`;
    }
    return value;
  }
  getSetCookie() {
    const values = list();
    for (let index = 0; index < this.#pairs.length; index++) {
      if (this.#pairs[index].name === "set-cookie") values[values.length] = this.#pairs[index].value;
    }
    return arrayOf(values);
  }
  has(name) {
    required(arguments.length, 1, "Failed to execute 'has' on 'Headers'");
    const wanted = nameOf(name);
    for (let index = 0; index < this.#pairs.length; index++) if (this.#pairs[index].name === wanted) return true;
    return false;
  }
  set(name, value) {
    required(arguments.length, 2, "Failed to execute 'set' on 'Headers'");
    const wanted = nameOf(name);
    const text = valueOf(value);
    let found = false;
    this.#keep((pair) => {
      if (pair.name !== wanted) return true;
      if (found) return false;
      found = true;
      pair.value = text;
      return true;
    });
    if (!found) this.#append(wanted, text);
  }

  // By name; what has one name is one pair, but for cookies.
  #combined() {
    const sorted = sortedByName(this.#pairs);
    const pairs = list();
    for (let index = 0; index < sorted.length; index++) {
      const { name, value } = sorted[index];
      const last = pairs[pairs.length - 1];
      if (last !== undefined && last.name === name && name !== "set-cookie") last.value += `, ${value}`;
      else pairs[pairs.length] = { __proto__: null, name, value };
    }
    return pairs;
  }

  entries() {
    this.#pairs;
    return pairIterator("Headers", () => this.#combined(), "entries");
  }
  keys() {
    this.#pairs;
    return pairIterator("Headers", () => this.#combined(), "keys");
  }
  values() {
    this.#pairs;
    return pairIterator("Headers", () => this.#combined(), "values");
  }
  forEach(callback, thisArgument = undefined) {
    required(arguments.length, 1, "Failed to execute 'forEach' on 'Headers'");
    const pairs = this.#combined();
    for (let index = 0; index < pairs.length; index++) apply(callback, thisArgument, [pairs[index].value, pairs[index].name, this]);
  }
}
defineInterface(Headers);
objects.defineProperty(Headers.prototype, iteratorSymbol, {
  __proto__: null,
  value: Headers.prototype.entries,
  writable: true,
  configurable: true,
});

internal.web.headers = { __proto__: null, Headers, fix, isHeaders };
