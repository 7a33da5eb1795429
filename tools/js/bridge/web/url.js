// URL (https://url.spec.whatwg.org/#url-class). The parser is the host's; this is the class.

const host = internal.web.host;
const { strings } = internal.web.primordials;
const { defineInterface, required, scalarString } = internal.web.interface;
const { bindParams, replaceParams, URLSearchParams } = internal.web.url_search_params;

// The order in which the host answers the parts.
const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6, PORT = 7, PATHNAME = 8, SEARCH = 9, HASH = 10;

function partsOf(text) {
  return typeof text === "string" ? strings.split(text, "\n") : undefined;
}

function parse(input, base) {
  return partsOf(host.urlParse(input, base));
}

class URL {
  #parts;
  #params = undefined;

  constructor(url, base = undefined) {
    required(arguments.length, 1, "Failed to construct 'URL'");
    const input = scalarString(url);
    const against = base === undefined ? undefined : scalarString(base);
    const parts = parse(input, against);
    if (parts === undefined) throw new TypeError(`Invalid URL: '${input}'${against === undefined ? "" : ` with base '${against}'`}`);
    this.#parts = parts;
  }

  static parse(url, base = undefined) {
    required(arguments.length, 1, "Failed to execute 'URL.parse'");
    try {
      return base === undefined ? new URL(url) : new URL(url, base);
    } catch {
      return null;
    }
  }

  static canParse(url, base = undefined) {
    required(arguments.length, 1, "Failed to execute 'URL.canParse'");
    return parse(scalarString(url), base === undefined ? undefined : scalarString(base)) !== undefined;
  }

  #set(part, value) {
    const parts = partsOf(host.urlSet(this.#parts[HREF], part, scalarString(value)));
    if (parts !== undefined) this.#parts = parts;
  }

  #refresh() {
    if (this.#params !== undefined) replaceParams(this.#params, strings.slice(this.#parts[SEARCH], 1));
  }

  get href() {
    return this.#parts[HREF];
  }
  set href(value) {
    const input = scalarString(value);
    const parts = parse(input, undefined);
    this.#parts;
    if (parts === undefined) throw new TypeError(`Invalid URL: '${input}'`);
    this.#parts = parts;
    this.#refresh();
  }
  get origin() {
    return this.#parts[ORIGIN];
  }
  get protocol() {
    return this.#parts[PROTOCOL];
  }
  set protocol(value) {
    this.#set("protocol", value);
  }
  get username() {
    return this.#parts[USERNAME];
  }
  set username(value) {
    this.#set("username", value);
  }
  get password() {
    return this.#parts[PASSWORD];
  }
  set password(value) {
    this.#set("password", value);
  }
  get host() {
    return this.#parts[HOST];
  }
  set host(value) {
    this.#set("host", value);
  }
  get hostname() {
    return this.#parts[HOSTNAME];
  }
  set hostname(value) {
    this.#set("hostname", value);
  }
  get port() {
    return this.#parts[PORT];
  }
  set port(value) {
    this.#set("port", value);
  }
  get pathname() {
    return this.#parts[PATHNAME];
  }
  set pathname(value) {
    this.#set("pathname", value);
  }
  get search() {
    return this.#parts[SEARCH];
  }
  set search(value) {
    this.#set("search", value);
    this.#refresh();
  }
  get hash() {
    return this.#parts[HASH];
  }
  set hash(value) {
    this.#set("hash", value);
  }

  get searchParams() {
    this.#parts;
    if (this.#params === undefined) {
      this.#params = new URLSearchParams(this.#parts[SEARCH]);
      bindParams(this.#params, (text) => this.#set("search", text));
    }
    return this.#params;
  }

  toString() {
    return this.#parts[HREF];
  }
  toJSON() {
    return this.#parts[HREF];
  }
}
defineInterface(URL);

internal.web.url = { __proto__: null, URL };
