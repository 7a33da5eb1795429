// structuredClone (https://html.spec.whatwg.org/#structuredserializeinternal).

const { proxyTarget, promiseState } = internal.web.host;
const {
  answers, bigints, booleans, buffers, functions, isArray, isArrayBuffer, isDataView, isDate, isMap, isRegExp, isSet, list, listOf, maps,
  numbers, objects, dates, reflect, regexps, sets, strings, symbols, typedArrayName, typedArrays, uncurryThis, views, weakMaps,
} = internal.web.primordials;
const { dictionary } = internal.web.interface;
const { DOMException, isDOMException } = internal.web.dom_exception;

const { getOwnPropertyDescriptor, getPrototypeOf } = objects;
const MapClass = Map, SetClass = Set, DateClass = Date, RegExpClass = RegExp, DataViewClass = DataView, ObjectClass = Object;
const WeakMapClass = WeakMap, WeakSetClass = WeakSet, WeakRefClass = WeakRef;
const hasInWeakSet = uncurryThis(WeakSetClass.prototype.has);
const deref = uncurryThis(WeakRefClass.prototype.deref);
const TYPED = { __proto__: null };
const typedClasses = [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array,
  globalThis.Float16Array, Float32Array, Float64Array,
];
for (let index = 0; index < typedClasses.length; index++) {
  if (typedClasses[index] !== undefined) TYPED[typedClasses[index].name] = typedClasses[index];
}
const ERRORS = { __proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const ErrorClass = Error;
const { isError } = ErrorClass;

// Classes of the platform whose objects stand for something that a copy would not be.
const notCloneable = list();

function refuseClones(isInstance) {
  notCloneable[notCloneable.length] = isInstance;
}

function refuse(what) {
  throw new DOMException(`${what} could not be cloned.`, "DataCloneError");
}

function nameOf(value) {
  const prototype = getPrototypeOf(value);
  const constructor = prototype === null ? undefined : getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof constructor === "function" ? `#<${constructor.name}>` : "#<Object>";
}

function isWeak(value) {
  return answers((map) => weakMaps.has(map, value), value) || answers((set) => hasInWeakSet(set, value), value) ||
    answers(deref, value) || promiseState(value) !== "";
}

function primitiveIn(value) {
  const checks = [numbers.valueOf, strings.valueOf, booleans.valueOf, bigints.valueOf, symbols.valueOf];
  for (let index = 0; index < checks.length; index++) {
    try {
      return { __proto__: null, value: checks[index](value) };
    } catch {
      // Not of that class.
    }
  }
  return undefined;
}

function cloneBuffer(buffer, seen) {
  const known = maps.get(seen, buffer);
  if (known !== undefined) return known;
  if (buffers.get_detached(buffer)) refuse("#<ArrayBuffer>");
  const copy = buffers.slice(buffer, 0);
  maps.set(seen, buffer, copy);
  return copy;
}

function cloneView(value, seen) {
  const typed = typedArrayName(value);
  const methods = typed === undefined ? views : typedArrays;
  const original = methods.get_buffer(value);
  if (!isArrayBuffer(original)) refuse("#<SharedArrayBuffer>");
  const buffer = cloneBuffer(original, seen);
  const offset = methods.get_byteOffset(value);
  if (typed === undefined) return new DataViewClass(buffer, offset, views.get_byteLength(value));
  return new TYPED[typed](buffer, offset, typedArrays.get_length(value));
}

function own(value, name) {
  const descriptor = getOwnPropertyDescriptor(value, name);
  return descriptor !== undefined && "value" in descriptor ? descriptor : undefined;
}

function hide(object, name, value) {
  objects.defineProperty(object, name, { __proto__: null, value, writable: true, configurable: true });
}

function cloneError(value, seen) {
  const wanted = `${value.name}`;
  const constructor = ERRORS[wanted] ?? ErrorClass;
  const error = new constructor();
  maps.set(seen, value, error);
  const message = own(value, "message");
  if (message !== undefined) hide(error, "message", `${message.value}`);
  const stack = value.stack;
  if (typeof stack === "string") hide(error, "stack", stack);
  const cause = own(value, "cause");
  if (cause !== undefined) hide(error, "cause", clone(cause.value, seen));
  return error;
}

function cloneMap(value, seen) {
  const copy = new MapClass();
  maps.set(seen, value, copy);
  const entries = list();
  maps.forEach(value, (each, key) => {
    entries[entries.length] = key;
    entries[entries.length] = each;
  });
  for (let index = 0; index < entries.length; index += 2) maps.set(copy, clone(entries[index], seen), clone(entries[index + 1], seen));
  return copy;
}

function cloneSet(value, seen) {
  const copy = new SetClass();
  maps.set(seen, value, copy);
  const entries = list();
  sets.forEach(value, (each) => {
    entries[entries.length] = each;
  });
  for (let index = 0; index < entries.length; index++) sets.add(copy, clone(entries[index], seen));
  return copy;
}

function cloneProperties(value, copy, seen) {
  maps.set(seen, value, copy);
  const keys = objects.keys(value);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    const descriptor = getOwnPropertyDescriptor(value, key);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    objects.defineProperty(copy, key, {
      __proto__: null,
      value: clone(value[key], seen),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}

function clone(value, seen) {
  if (typeof value === "symbol") refuse(symbols.toString(value));
  if (typeof value === "function") refuse(functions.toString(value));
  if (typeof value !== "object" || value === null) return value;
  if (maps.has(seen, value)) return maps.get(seen, value);
  if (proxyTarget(value) !== undefined) refuse("#<Object>");
  const copy = cloneObject(value, seen);
  maps.set(seen, value, copy);
  return copy;
}

function cloneObject(value, seen) {
  if (isArray(value)) {
    const copy = [];
    copy.length = value.length;
    return cloneProperties(value, copy, seen);
  }
  if (getPrototypeOf(value) === ObjectClass.prototype && reflect.ownKeys(value).length > 0 && plain(value)) {
    return cloneProperties(value, {}, seen);
  }
  if (isDate(value)) return new DateClass(dates.getTime(value));
  if (isRegExp(value)) return new RegExpClass(regexps.get_source(value), regexps.get_flags(value));
  if (isArrayBuffer(value)) return cloneBuffer(value, seen);
  if (typedArrayName(value) !== undefined || isDataView(value)) return cloneView(value, seen);
  if (isMap(value)) return cloneMap(value, seen);
  if (isSet(value)) return cloneSet(value, seen);
  if (isDOMException(value)) return new DOMException(value.message, value.name);
  if (isError(value)) return cloneError(value, seen);
  const boxed = primitiveIn(value);
  if (boxed !== undefined) {
    if (typeof boxed.value === "symbol") refuse("Object(Symbol())");
    return ObjectClass(boxed.value);
  }
  if (isWeak(value)) refuse(nameOf(value));
  for (let index = 0; index < notCloneable.length; index++) if (notCloneable[index](value)) refuse(nameOf(value));
  return cloneProperties(value, {}, seen);
}

// What is quick to tell: an object whose class cannot be that of Date and the like, since those have no plain prototype unless tampered.
function plain(value) {
  return objectTag(value) === "[object Object]" && !isMap(value) && !isSet(value);
}
const objectTag = uncurryThis(Object.prototype.toString);

function structuredClone(value, options = undefined) {
  if (arguments.length < 1) throw new TypeError("Failed to execute 'structuredClone': 1 argument required, but only 0 present");
  const { transfer } = dictionary(options, "structuredClone options");
  const seen = new MapClass();
  const transferred = transfer === undefined ? list() : listOf(transfer);
  for (let index = 0; index < transferred.length; index++) {
    const buffer = transferred[index];
    if (!isArrayBuffer(buffer) || buffers.get_detached(buffer)) throw new DOMException("Value not transferable", "DataCloneError");
    if (maps.has(seen, buffer)) throw new DOMException("ArrayBuffer occurs in the transfer list more than once", "DataCloneError");
    // A copy now, and the original is detached when the clone is made: what refuses to be cloned leaves it whole.
    maps.set(seen, buffer, buffers.slice(buffer, 0));
  }
  const result = clone(value, seen);
  for (let index = 0; index < transferred.length; index++) buffers.transfer(transferred[index]);
  return result;
}

internal.web.clone = { __proto__: null, refuseClones, structuredClone };
