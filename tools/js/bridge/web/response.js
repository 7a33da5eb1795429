// Request and Response (https://fetch.spec.whatwg.org), as values: there is no network here, and `fetch` says so.

const { Bytes, json, newPromise, objects, regexps, reflect, strings } = internal.web.primordials;
const { defineInterface, dictionary, required, scalarString } = internal.web.interface;
const { AbortSignal } = internal.web.abort;
const { bodyMethods, extracted } = internal.web.body;
const { encodeText } = internal.web.encoding;
const { fix, Headers } = internal.web.headers;
const { notSupported } = internal.web.not_supported;
const { URL } = internal.web.url;

const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const KNOWN_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];

function addBody(constructor, state) {
  const take = (object) => {
    const body = state(object);
    if (body.used) throw new TypeError("Body already consumed.");
    if (body.bytes === undefined) return { __proto__: null, bytes: new Bytes(0), type: body.headers.get("content-type") };
    body.used = true;
    return { __proto__: null, bytes: body.bytes, type: body.headers.get("content-type") };
  };
  const methods = bodyMethods(take, state);
  const names = reflect.ownKeys(methods);
  for (let index = 0; index < names.length; index++) {
    objects.defineProperty(constructor.prototype, names[index], objects.getOwnPropertyDescriptor(methods, names[index]));
  }
}

function withType(headers, type) {
  if (type !== undefined && !headers.has("content-type")) headers.set("content-type", type);
  return headers;
}

let stateOfResponse, make;

class Response {
  #state;

  static {
    stateOfResponse = (response) => response.#state;
    make = (state) => {
      const response = new Response();
      response.#state = state;
      return response;
    };
  }

  constructor(body = null, init = undefined) {
    const { status = 200, statusText = "", headers } = dictionary(init, "Response options");
    const code = +status;
    if (!(code >= 200 && code <= 599) && code !== 101) {
      throw new RangeError(`The status provided (${code}) is not equal to 101 and outside the range [200, 599]`);
    }
    if (regexps.exec(REASON, `${statusText}`) === null) throw new TypeError(`Invalid status text: "${statusText}"`);
    const { bytes, type } = extracted(body);
    if (bytes !== undefined && (code === 101 || code === 204 || code === 205 || code === 304)) {
      throw new TypeError("Response with null body status cannot have body");
    }
    this.#state = {
      __proto__: null, type: "default", status: code, statusText: `${statusText}`, headers: withType(new Headers(headers), type), bytes, used: false,
    };
  }

  static error() {
    return make({ __proto__: null, type: "error", status: 0, statusText: "", headers: fix(new Headers()), bytes: undefined, used: false });
  }
  static redirect(url, status = 302) {
    required(arguments.length, 1, "Failed to execute 'Response.redirect'");
    const { href } = new URL(url);
    const code = +status;
    if (code !== 301 && code !== 302 && code !== 303 && code !== 307 && code !== 308) throw new RangeError(`Invalid redirect status code: ${code}`);
    const headers = fix(new Headers({ location: href }));
    return make({ __proto__: null, type: "default", status: code, statusText: "", headers, bytes: undefined, used: false });
  }
  static json(data, init = undefined) {
    required(arguments.length, 1, "Failed to execute 'Response.json'");
    const text = json.stringify(data);
    if (text === undefined) throw new TypeError("Value is not JSON serializable");
    const response = new Response(encodeText(text), init);
    withType(response.#state.headers, "application/json");
    return response;
  }

  get type() {
    return this.#state.type;
  }
  get url() {
    this.#state;
    return "";
  }
  get redirected() {
    this.#state;
    return false;
  }
  get status() {
    return this.#state.status;
  }
  get ok() {
    return this.#state.status >= 200 && this.#state.status <= 299;
  }
  get statusText() {
    return this.#state.statusText;
  }
  get headers() {
    return this.#state.headers;
  }
  clone() {
    const state = this.#state;
    if (state.used) throw new TypeError("Body is unusable");
    return make({ ...state, __proto__: null, headers: new Headers(state.headers) });
  }
}
addBody(Response, stateOfResponse);
defineInterface(Response);

let stateOfRequest, isRequest;

class Request {
  #state;

  static {
    stateOfRequest = (request) => request.#state;
    isRequest = (value) => typeof value === "object" && value !== null && #state in value;
  }

  constructor(input, init = undefined) {
    required(arguments.length, 1, "Failed to construct 'Request'");
    const options = dictionary(init, "Request options");
    const from = isRequest(input) ? input.#state : undefined;
    const href = from === undefined ? new URL(scalarString(input)).href : from.url;
    const method = methodOf(options.method ?? from?.method ?? "GET");
    const headers = new Headers(options.headers ?? from?.headers);
    let body = { __proto__: null, bytes: undefined, type: undefined };
    if (options.body !== undefined && options.body !== null) {
      if (method === "GET" || method === "HEAD") throw new TypeError("Request with GET/HEAD method cannot have body");
      body = extracted(options.body);
    } else if (from !== undefined && from.bytes !== undefined) {
      if (from.used) throw new TypeError("Input request's body is unusable");
      from.used = true;
      body = from;
    }
    const signal = options.signal ?? from?.signal;
    this.#state = {
      __proto__: null, url: href, method, headers: withType(headers, body.type), bytes: body.bytes, type: undefined, used: false,
      redirect: `${options.redirect ?? from?.redirect ?? "follow"}`, signal: AbortSignal.any(signal === undefined || signal === null ? [] : [signal]),
    };
  }

  get method() {
    return this.#state.method;
  }
  get url() {
    return this.#state.url;
  }
  get headers() {
    return this.#state.headers;
  }
  get redirect() {
    return this.#state.redirect;
  }
  get signal() {
    return this.#state.signal;
  }
  clone() {
    const state = this.#state;
    if (state.used) throw new TypeError("Body is unusable");
    const { url, method, headers, redirect, signal, bytes } = state;
    const copy = new Request(url, { method, headers, redirect, signal });
    copy.#state.bytes = bytes;
    return copy;
  }
}
addBody(Request, stateOfRequest);
defineInterface(Request);

function methodOf(given) {
  const method = `${given}`;
  if (regexps.exec(METHOD, method) === null) throw new TypeError(`Method is not valid: "${method}"`);
  const upper = strings.toUpperCase(method);
  if (upper === "CONNECT" || upper === "TRACE" || upper === "TRACK") throw new TypeError(`Method is forbidden: "${method}"`);
  for (let index = 0; index < KNOWN_METHODS.length; index++) if (KNOWN_METHODS[index] === upper) return upper;
  return method;
}

function fetch() {
  return newPromise(() => {
    throw notSupported("fetch");
  });
}

internal.web.response = { __proto__: null, Request, Response, fetch };
