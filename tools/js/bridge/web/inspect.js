// Values in words, as `Deno.inspect` and `console.log` say them. Without colours. A proxy is shown as what it stands for.

const { promiseResult, promiseState, proxyTarget } = internal.web.host;
const {
  answers, bigints, booleans, buffers, bytesOf, dates, functions, isArray, isArrayBuffer, isDataView, isDate, isMap, isRegExp, isSet,
  join, list, maps, math, numbers, objects, reflect, regexps, sets, strings, symbols, toStringTag, typedArrayName, uncurryThis, weakMaps,
} = internal.web.primordials;
const { keyText, laidOut, quoted, quotedLines } = internal.web.inspect_layout;
const { errorText } = internal.web.inspect_error;

const { getOwnPropertyDescriptor, getPrototypeOf } = objects;
const { isError } = Error;
const MAX_ENTRIES = 100;
const MAX_STRING = 10000;
const SHORT_STRING = 16;
const weakSetHas = uncurryThis(WeakSet.prototype.has);
const weakRefDeref = uncurryThis(WeakRef.prototype.deref);
const propertyIsEnumerable = uncurryThis(Object.prototype.propertyIsEnumerable);
const toText = uncurryThis(Object.prototype.toString);

// Both are called as `value[name](inspect, options)`.
const CUSTOM = [Symbol.for("Deno.customInspect"), Symbol.for("nodejs.util.inspect.custom")];
// How the platform shows its own: (value, show) for a class.
const platform = list();

// `show(value)` answers an object to be shown under the class's name, or a text.
function describeInterface(isInstance, show) {
  platform[platform.length] = { __proto__: null, isInstance, show };
}

function inspect(value, options = undefined) {
  const { depth = 4, compact, sorted = false, getters = false, iterableLimit = MAX_ENTRIES, strAbbreviateSize = MAX_STRING } = options ?? {};
  void compact;
  const context = {
    __proto__: null,
    depth: depth === null ? Infinity : depth,
    sorted,
    getters,
    maxEntries: iterableLimit,
    maxString: strAbbreviateSize,
    seen: list(),
    circular: undefined,
    indentation: 0,
    currentDepth: 0,
    more: false,
    options: options ?? {},
  };
  return show(context, value, 0, false);
}

function show(context, value, depth, typed) {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return primitive(context, value);
  const target = proxyTarget(value);
  if (target !== undefined) return target === null ? "<Revoked Proxy>" : show(context, target, depth, typed);
  for (let index = 0; index < CUSTOM.length; index++) {
    const custom = value[CUSTOM[index]];
    if (typeof custom !== "function" || custom === inspect) continue;
    const remaining = context.depth === Infinity ? Infinity : context.depth - depth;
    const answer = reflect.apply(custom, value, index === 0 ? [inspect, context.options] : [remaining, context.options, inspect]);
    if (typeof answer !== "object") return `${answer}`;
    if (answer !== value) return show(context, answer, depth, false);
  }
  for (let index = 0; index < context.seen.length; index++) {
    if (context.seen[index] !== value) continue;
    context.circular ??= new MapClass();
    let number = maps.get(context.circular, value);
    if (number === undefined) {
      number = maps.get_size(context.circular) + 1;
      maps.set(context.circular, value, number);
    }
    return `[Circular *${number}]`;
  }
  return showObject(context, value, depth);
}
const MapClass = Map;

function primitive(context, value) {
  switch (typeof value) {
    case "string": {
      let text = value;
      let rest = "";
      if (text.length > context.maxString) {
        rest = `... ${text.length - context.maxString} more character${text.length - context.maxString > 1 ? "s" : ""}`;
        text = strings.slice(text, 0, context.maxString);
      }
      const breaks = text.length > SHORT_STRING && text.length > 80 - context.indentation - 4 && strings.includes(text, "\n");
      return (breaks ? quotedLines(text, context.indentation) : quoted(text)) + rest;
    }
    case "number":
      return objects.is(value, -0) ? "-0" : `${value}`;
    case "bigint":
      return `${bigints.toString(value)}n`;
    case "symbol":
      return symbols.toString(value);
    default:
      return `${value}`;
  }
}

// The name of the class, and how far up the chain it was found; null if it has none.
function constructorName(value) {
  for (let object = value, steps = 0; object !== null && steps < 1000; object = getPrototypeOf(object), steps++) {
    const descriptor = getOwnPropertyDescriptor(object, "constructor");
    if (descriptor !== undefined && typeof descriptor.value === "function" && descriptor.value.name !== "" && inherits(value, descriptor.value)) {
      return `${descriptor.value.name}`;
    }
  }
  return null;
}

function inherits(value, constructor) {
  const { prototype } = constructor;
  for (let object = value, steps = 0; object !== null && steps < 1000; object = getPrototypeOf(object), steps++) if (object === prototype) return true;
  return false;
}

function keysOf(value, sorted) {
  const keys = list();
  const names = objects.keys(value);
  for (let index = 0; index < names.length; index++) keys[keys.length] = names[index];
  if (sorted) sortTexts(keys);
  const own = objects.getOwnPropertySymbols(value);
  for (let index = 0; index < own.length; index++) if (propertyIsEnumerable(value, own[index])) keys[keys.length] = own[index];
  return keys;
}

function sortTexts(texts) {
  for (let index = 1; index < texts.length; index++) {
    const text = texts[index];
    let place = index;
    for (; place > 0 && texts[place - 1] > text; place--) texts[place] = texts[place - 1];
    texts[place] = text;
  }
}

function prefix(name, tag, fallback, size = "") {
  if (name === null) {
    if (tag !== "" && fallback !== tag) return `[${fallback}${size}: null prototype] [${tag}] `;
    return `[${fallback}${size}: null prototype] `;
  }
  return tag !== "" && name !== tag ? `${name}${size} [${tag}] ` : `${name}${size} `;
}

function showObject(context, value, depth) {
  const name = constructorName(value);
  let tag = value[toStringTag];
  if (typeof tag !== "string" || tag === "" || tag === name) tag = "";
  for (let index = 0; index < platform.length; index++) {
    if (!platform[index].isInstance(value)) continue;
    const shown = platform[index].show(value, (inner) => show(context, inner, depth + 1, false));
    if (typeof shown === "string") return shown;
    const keys = keysOf(shown, false);
    return braced(context, value, depth, keys, {
      braces: [`${name ?? tag} {`, "}"], entries: (each) => properties(context, shown, depth, keys, each), of: shown,
    });
  }
  return braced(context, value, depth, keysOf(value, context.sorted), describe(context, value, name, tag, depth));
}

// What kind of object it is: braces, what stands before them, how its entries are made, or that it is a word if it has no properties.
function describe(context, value, name, tag, depth) {
  if (typeof value === "function") return { base: functionText(value, name, tag), braces: ["{", "}"] };
  if (isArray(value)) {
    const head = name !== "Array" || tag !== "" ? prefix(name, tag, "Array", `(${value.length})`) : "";
    return { braces: [`${head}[`, "]"], isList: true, empty: `${head}[]`, entries: (output) => arrayEntries(context, value, depth, output) };
  }
  if (isSet(value)) {
    const head = prefix(name, tag, "Set", `(${sets.get_size(value)})`);
    return { braces: [`${head}{`, "}"], empty: `${head}{}`, entries: (output) => setEntries(context, value, depth, output) };
  }
  if (isMap(value)) {
    const head = prefix(name, tag, "Map", `(${maps.get_size(value)})`);
    return { braces: [`${head}{`, "}"], empty: `${head}{}`, entries: (output) => mapEntries(context, value, depth, output) };
  }
  const typed = typedArrayName(value);
  if (typed !== undefined) {
    const head = prefix(name, tag === typed ? "" : tag, typed, `(${value.length})`);
    return { braces: [`${head}[`, "]"], isList: true, empty: `${head}[]`, typed: true, entries: (output) => typedEntries(context, value, output) };
  }
  if (isArrayBuffer(value)) return { braces: [`${prefix(name, tag, "ArrayBuffer")}{`, "}"], entries: (output) => bufferEntries(context, value, output) };
  if (isDataView(value)) {
    return {
      braces: [`${prefix(name, tag, "DataView")}{`, "}"],
      entries: (output) => properties(context, value, depth, ["byteLength", "byteOffset", "buffer"], output),
    };
  }
  return describeWord(context, value, name, tag, depth);
}

function describeWord(context, value, name, tag, depth) {
  const braces = ["{", "}"];
  if (isRegExp(value)) return { base: withClass(regexps.toString(value), name, tag, "RegExp"), braces };
  if (isDate(value)) {
    const text = numbers.toString(dates.getTime(value)) === "NaN" ? "Invalid Date" : dates.toISOString(value);
    return { base: withClass(text, name, tag, "Date"), braces };
  }
  if (isError(value)) {
    const hidden = list();
    return { base: errorText(value, name, tag, context, hidden), braces, hidden, entries: (output) => errorEntries(context, value, depth, hidden, output) };
  }
  if (toText(value) === "[object Arguments]" && name === "Object") {
    return { braces: ["[Arguments] {", "}"], empty: "[Arguments] {}" };
  }
  const state = promiseState(value);
  if (state !== "") return { braces: [`${prefix(name, tag, "Promise")}{`, "}"], entries: (output) => promiseEntries(context, value, state, depth, output) };
  if (answers((map) => weakMaps.has(map, value), value)) {
    return { braces: [`${prefix(name, tag, "WeakMap")}{`, "}"], entries: (output) => (output[output.length] = "<items unknown>") };
  }
  if (answers((set) => weakSetHas(set, value), value)) {
    return { braces: [`${prefix(name, tag, "WeakSet")}{`, "}"], entries: (output) => (output[output.length] = "<items unknown>") };
  }
  if (answers(weakRefDeref, value)) return { braces: [`${prefix(name, tag, "WeakRef")}{`, "}"], empty: `${prefix(name, tag, "WeakRef")}{}` };
  const boxed = boxedText(context, value);
  if (boxed !== undefined) return { base: boxed, braces, skipIndices: typeof boxedValue(value) === "string" ? boxedValue(value).length : 0 };
  const plain = name === "Object" && tag === "";
  const head = plain ? "" : prefix(name, tag, "Object");
  return { braces: [`${head}{`, "}"], empty: `${head}{}` };
}

function withClass(text, name, tag, expected) {
  const head = prefix(name, tag, expected);
  return head === `${expected} ` ? text : `${head}${text}`;
}

function boxedValue(value) {
  const checks = [numbers.valueOf, strings.valueOf, booleans.valueOf, bigints.valueOf, symbols.valueOf];
  for (let index = 0; index < checks.length; index++) {
    try {
      return checks[index](value);
    } catch {
      // Not of that class.
    }
  }
  return undefined;
}

function boxedText(context, value) {
  const inner = boxedValue(value);
  if (inner === undefined) return undefined;
  const names = { __proto__: null, number: "Number", string: "String", boolean: "Boolean", bigint: "BigInt", symbol: "Symbol" };
  return `[${names[typeof inner]}: ${primitive(context, inner)}]`;
}

const CLASS = /^class(?=[\s{])/;
const ASYNC = /^async\b/;
const GENERATOR = /^(?:async\s+)?function\s*\*|^(?:async\s*)?\*/;

function functionText(value, name, tag) {
  let source = "";
  try {
    source = functions.toString(value);
  } catch {
    // Some callable objects have none.
  }
  if (regexps.exec(CLASS, source) !== null) return classText(value, name, tag);
  const kind = `${toText(value) === "[object AsyncGeneratorFunction]" ? "AsyncGenerator" : toText(value) === "[object GeneratorFunction]" ? "Generator"
    : toText(value) === "[object AsyncFunction]" ? "Async" : ""}Function`;
  let text = `[${kind}`;
  if (name === null) text += " (null prototype)";
  text += typeof value.name === "string" && value.name !== "" ? `: ${value.name}` : " (anonymous)";
  text += "]";
  if (name !== kind && name !== null && name !== "Function") text += ` ${name}`;
  if (tag !== "" && tag !== kind && name !== tag) text += ` [${tag}]`;
  return text;
}

function classText(value, name, tag) {
  const own = objects.hasOwn(value, "name") && typeof value.name === "string" && value.name !== "";
  let text = own ? `[class ${value.name}` : "[class (anonymous)";
  if (name !== "Function" && name !== null) text += ` [${name}]`;
  if (tag !== "" && name !== tag) text += ` [${tag}]`;
  const parent = getPrototypeOf(value);
  if (parent === null) text += " extends [null prototype]";
  else if (typeof parent.name === "string" && parent.name !== "") text += ` extends ${parent.name}`;
  return `${text}]`;
}

function braced(context, value, depth, keys, kind) {
  const { base = "", braces, isList = false, entries, empty, hidden, skipIndices = 0 } = kind;
  if (hidden !== undefined && keys.length > 0) keys = without(keys, hidden);
  if (skipIndices > 0) keys = withoutIndices(keys);
  if (isList) keys = withoutIndices(keys);
  if (keys.length === 0 && entries === undefined) return base !== "" ? base : empty ?? `${braces[0]}}`;
  if (depth > context.depth) return `[${shortName(value)}]`;
  const outer = context.currentDepth;
  context.currentDepth = depth;
  context.seen[context.seen.length] = value;
  const output = list();
  let more = false;
  if (entries !== undefined) {
    context.more = false;
    entries(output);
    more = context.more;
  }
  if (kind.of === undefined) properties(context, value, depth, keys, output);
  context.seen.length--;
  context.currentDepth = math.max(outer, context.currentDepth);
  let head = base;
  const number = context.circular === undefined ? undefined : maps.get(context.circular, value);
  if (number !== undefined) {
    if (head === "") braces[0] = `<ref *${number}> ${braces[0]}`;
    else head = `<ref *${number}> ${head}`;
  }
  if (output.length === 0) return head !== "" ? head : empty !== undefined ? withRef(number, empty) : `${braces[0]}}`;
  context.more = more;
  const text = laidOut(context, output, head, braces, isList, depth, isList ? value : undefined);
  context.more = false;
  return text;
}

function withRef(number, text) {
  return number === undefined ? text : `<ref *${number}> ${text}`;
}

function shortName(value) {
  if (isArray(value)) return "Array";
  return constructorName(value) ?? "Object: null prototype";
}

function without(keys, hidden) {
  const kept = list();
  for (let index = 0; index < keys.length; index++) {
    let found = false;
    for (let each = 0; each < hidden.length; each++) if (hidden[each] === keys[index]) found = true;
    if (!found) kept[kept.length] = keys[index];
  }
  return kept;
}

const INDEX = /^(?:0|[1-9][0-9]*)$/;

function withoutIndices(keys) {
  const kept = list();
  for (let index = 0; index < keys.length; index++) {
    if (typeof keys[index] === "symbol" || regexps.exec(INDEX, keys[index]) === null) kept[kept.length] = keys[index];
  }
  return kept;
}

function inner(context, value, depth) {
  context.indentation += 2;
  const text = show(context, value, depth + 1, false);
  context.indentation -= 2;
  return text;
}

function properties(context, value, depth, keys, output) {
  for (let index = 0; index < keys.length; index++) output[output.length] = property(context, value, keys[index], depth);
}

function property(context, value, key, depth) {
  const descriptor = getOwnPropertyDescriptor(value, key) ?? { __proto__: null, value: value[key], enumerable: true };
  let text;
  if (descriptor.get !== undefined) {
    text = descriptor.set === undefined ? "[Getter]" : "[Getter/Setter]";
    if (context.getters) {
      context.indentation += 2;
      text = `[Getter${descriptor.set === undefined ? "" : "/Setter"}: ${show(context, value[key], depth + 1, false)}]`;
      context.indentation -= 2;
    }
  } else if (descriptor.set !== undefined) text = "[Setter]";
  else text = inner(context, descriptor.value, depth);
  if (typeof key === "symbol") return `${symbols.toString(key)}: ${text}`;
  return `${key === "__proto__" ? '["__proto__"]' : keyText(key)}: ${text}`;
}

function remaining(context, output, count) {
  if (count <= 0) return;
  output[output.length] = `... ${count} more item${count > 1 ? "s" : ""}`;
}

function arrayEntries(context, value, depth, output) {
  const { length } = value;
  let index = 0;
  for (; index < length && output.length < context.maxEntries; index++) {
    if (objects.hasOwn(value, index)) {
      const descriptor = getOwnPropertyDescriptor(value, index);
      if (descriptor.get !== undefined || descriptor.set !== undefined) output[output.length] = accessorText(descriptor);
      else output[output.length] = inner(context, descriptor.value, depth);
      continue;
    }
    let end = index + 1;
    while (end < length && !objects.hasOwn(value, end)) end++;
    output[output.length] = `<${end - index} empty item${end - index > 1 ? "s" : ""}>`;
    index = end - 1;
  }
  remaining(context, output, length - index);
  context.more = length - index > 0;
}

function accessorText({ get, set }) {
  return get === undefined ? "[Setter]" : set === undefined ? "[Getter]" : "[Getter/Setter]";
}

function typedEntries(context, value, output) {
  const count = math.min(context.maxEntries, value.length);
  for (let index = 0; index < count; index++) output[index] = primitive(context, value[index]);
  remaining(context, output, value.length - count);
  context.more = value.length > count;
}

function setEntries(context, value, depth, output) {
  let count = 0;
  sets.forEach(value, (each) => {
    if (count++ < context.maxEntries) output[output.length] = inner(context, each, depth);
  });
  remaining(context, output, count - context.maxEntries);
}

function mapEntries(context, value, depth, output) {
  let count = 0;
  maps.forEach(value, (each, key) => {
    if (count++ < context.maxEntries) output[output.length] = `${inner(context, key, depth)} => ${inner(context, each, depth)}`;
  });
  remaining(context, output, count - context.maxEntries);
}

function bufferEntries(context, value, output) {
  const length = buffers.get_byteLength(value);
  const bytes = bytesOf(value);
  const shown = list();
  for (let index = 0; index < length && index < MAX_ENTRIES; index++) shown[index] = strings.padStart(numbers.toString(bytes[index], 16), 2, "0");
  const rest = length > MAX_ENTRIES ? ` ... ${length - MAX_ENTRIES} more byte${length - MAX_ENTRIES > 1 ? "s" : ""}` : "";
  output[0] = `[Uint8Contents]: <${join(shown, " ")}${rest}>`;
  output[1] = `byteLength: ${length}`;
}

function promiseEntries(context, value, state, depth, output) {
  if (state === "pending") {
    output[0] = "<pending>";
    return;
  }
  const text = inner(context, promiseResult(value), depth);
  output[0] = state === "rejected" ? `<rejected> ${text}` : text;
}

function errorEntries(context, value, depth, hidden, output) {
  if (objects.hasOwn(value, "cause") && !propertyIsEnumerable(value, "cause")) {
    output[output.length] = `[cause]: ${inner(context, value.cause, depth)}`;
  }
  if (isArray(value.errors) && !propertyIsEnumerable(value, "errors")) {
    output[output.length] = `[errors]: ${inner(context, value.errors, depth)}`;
  }
}

internal.web.inspect = { __proto__: null, describeInterface, inspect };
