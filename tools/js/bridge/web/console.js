// console (https://console.spec.whatwg.org): what a script prints becomes lines of the tool's log.

const host = internal.web.host;
const { isArray, list, maps, math, numbers, objects, strings, toStringTag } = internal.web.primordials;
const { format } = internal.web.format;
const { inspect } = internal.web.inspect;
const { table } = internal.web.table;

// What the log takes at once, in bytes (wit/log.wit), and the pieces that one call of `console` is divided into at most.
const MAX_ENTRY_BYTES = 4096;
const MAX_ENTRIES = 16;
const CUT = " … (cut)";

let indent = 0;
const counters = new Map();
const timers = new Map();

// At most three bytes are written for a unit of a string, so that a piece fits whatever it holds.
const PIECE = math.floor((MAX_ENTRY_BYTES - 16) / 3);

function write(level, text) {
  if (indent > 0) {
    const spaces = strings.repeat(" ", indent);
    text = spaces + strings.replaceAll(text, "\n", `\n${spaces}`);
  }
  if (text.length <= PIECE || host.encodeUtf8(strings.toWellFormed(strings.slice(text, 0, MAX_ENTRY_BYTES + 1))).length <= MAX_ENTRY_BYTES) {
    host.log(level, strings.toWellFormed(text));
    return;
  }
  let from = 0;
  for (let entry = 0; from < text.length; entry++) {
    let end = math.min(from + PIECE, text.length);
    const unit = strings.charCodeAt(text, end - 1);
    if (end < text.length && unit >= 0xd800 && unit <= 0xdbff) end--;
    const last = entry === MAX_ENTRIES - 1 && end < text.length;
    host.log(level, strings.toWellFormed(strings.slice(text, from, end)) + (last ? CUT : ""));
    if (last) return;
    from = end;
  }
}

function printed(level) {
  return (values) => write(level, format(values));
}
const asInfo = printed("info");
const asDebug = printed("debug");
const asWarning = printed("warn");
const asError = printed("error");

function own(values) {
  return objects.setPrototypeOf(values, null);
}

function elapsed(label) {
  const start = maps.get(timers, label);
  if (start === undefined) {
    asWarning(own([`Timer '${label}' does not exist`]));
    return undefined;
  }
  return `${label}: ${numbers.toString(math.floor(host.now() - start))}ms`;
}

const methods = {
  log(...data) {
    asInfo(own(data));
  },
  debug(...data) {
    asDebug(own(data));
  },
  info(...data) {
    asInfo(own(data));
  },
  dir(value = undefined, options = undefined) {
    write("info", inspect(value, options));
  },
  dirxml(...data) {
    asInfo(own(data));
  },
  warn(...data) {
    asWarning(own(data));
  },
  error(...data) {
    asError(own(data));
  },
  assert(condition = false, ...data) {
    if (condition) return;
    const values = own(data);
    if (values.length === 0) return asError(own(["Assertion failed"]));
    const all = list();
    const first = values[0];
    all[0] = typeof first === "string" ? `Assertion failed: ${first}` : "Assertion failed:";
    if (typeof first !== "string") all[1] = first;
    for (let index = 1; index < values.length; index++) all[all.length] = values[index];
    asError(all);
  },
  count(label = "default") {
    const name = `${label}`;
    const count = (maps.get(counters, name) ?? 0) + 1;
    maps.set(counters, name, count);
    asInfo(own([`${name}: ${count}`]));
  },
  countReset(label = "default") {
    const name = `${label}`;
    if (maps.has(counters, name)) maps.set(counters, name, 0);
    else asWarning(own([`Count for '${name}' does not exist`]));
  },
  table(data = undefined, properties = undefined) {
    if (properties !== undefined && !isArray(properties)) {
      throw new TypeError("The 'properties' argument must be of type Array");
    }
    const drawn = table(data, properties);
    if (drawn === undefined) asInfo(own([data]));
    else write("info", drawn);
  },
  time(label = "default") {
    const name = `${label}`;
    if (maps.has(timers, name)) return asWarning(own([`Timer '${name}' already exists`]));
    maps.set(timers, name, host.now());
  },
  timeLog(label = "default", ...data) {
    const text = elapsed(`${label}`);
    if (text === undefined) return;
    const values = own(data);
    const all = list();
    all[0] = text;
    for (let index = 0; index < values.length; index++) all[index + 1] = values[index];
    asInfo(all);
  },
  timeEnd(label = "default") {
    const text = elapsed(`${label}`);
    maps.delete(timers, `${label}`);
    if (text !== undefined) asInfo(own([text]));
  },
  group(...label) {
    if (label.length > 0) asInfo(own(label));
    // Deeper groups are not indented any more: a line must fit.
    indent = math.min(indent + 2, 64);
  },
  groupCollapsed(...label) {
    if (label.length > 0) asInfo(own(label));
    indent = math.min(indent + 2, 64);
  },
  groupEnd() {
    indent = math.max(indent - 2, 0);
  },
  clear() {
    indent = 0;
  },
  trace(...data) {
    const error = { name: "Trace", message: format(own(data)) };
    captureStackTrace(error, methods.trace);
    const header = error.message === "" ? "Trace" : `Trace: ${error.message}`;
    const stack = strings.startsWith(`${error.stack}`, "Trace") ? error.stack : `${header}\n${error.stack}`;
    write("error", strings.trimEnd(`${stack}`));
  },
};
const { captureStackTrace } = Error;

const console = objects.assign(objects.create({}), methods);
objects.defineProperty(console, toStringTag, { __proto__: null, value: "console", configurable: true });

internal.web.console = { __proto__: null, console };
