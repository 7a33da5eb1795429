// The language's own functions as they were before any script ran: what a script overwrites, it overwrites for itself alone.

internal.web = { __proto__: null };

const { apply, getOwnPropertyDescriptor, ownKeys } = Reflect;
const { bind, call } = Function.prototype;

// uncurryThis(f)(self, ...rest) is f.call(self, ...rest), without looking up `call`.
const uncurryThis = bind.bind(call);

// The methods of a prototype as functions whose first parameter is `this`; getters as `get_name`. Symbols are left out.
function methodsOf(prototype) {
  const methods = { __proto__: null };
  const keys = ownKeys(prototype);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    if (typeof key !== "string") continue;
    const { value, get } = getOwnPropertyDescriptor(prototype, key);
    if (typeof value === "function") methods[key] = uncurryThis(value);
    if (get !== undefined) methods[`get_${key}`] = uncurryThis(get);
  }
  return methods;
}

function staticsOf(object) {
  const statics = { __proto__: null };
  const keys = ownKeys(object);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    if (typeof key === "string" && key !== "prototype") statics[key] = getOwnPropertyDescriptor(object, key).value;
  }
  return statics;
}

const reflect = staticsOf(Reflect);
const objects = staticsOf(Object);
const objectMethods = methodsOf(Object.prototype);
const arrays = methodsOf(Array.prototype);
const isArray = Array.isArray;
const strings = methodsOf(String.prototype);
const stringStatics = staticsOf(String);
const symbols = methodsOf(Symbol.prototype);
const numbers = methodsOf(Number.prototype);
const numberStatics = staticsOf(Number);
const bigints = methodsOf(BigInt.prototype);
const booleans = methodsOf(Boolean.prototype);
const dates = methodsOf(Date.prototype);
const regexps = methodsOf(RegExp.prototype);
const maps = methodsOf(Map.prototype);
const sets = methodsOf(Set.prototype);
const weakMaps = methodsOf(WeakMap.prototype);
const promises = methodsOf(Promise.prototype);
const functions = methodsOf(Function.prototype);
const buffers = methodsOf(ArrayBuffer.prototype);
const views = methodsOf(DataView.prototype);
const math = staticsOf(Math);
const json = staticsOf(JSON);

const TypedArray = objects.getPrototypeOf(Uint8Array);
const typedArrays = methodsOf(TypedArray.prototype);
const typedArrayTag = uncurryThis(getOwnPropertyDescriptor(TypedArray.prototype, Symbol.toStringTag).get);

// The name of the class of a typed array; undefined for anything else.
function typedArrayName(value) {
  return typedArrayTag(value);
}

const PromiseClass = Promise;
const newPromise = (executor) => new PromiseClass(executor);
const resolved = bind.call(Promise.resolve, Promise);
const rejected = bind.call(Promise.reject, Promise);
const fromCharCode = String.fromCharCode;
const Bytes = Uint8Array;
const iteratorSymbol = Symbol.iterator;
const toStringTag = Symbol.toStringTag;

// What answers without throwing: whether `check(value)` is good. For brand checks of built-in classes.
function answers(check, value) {
  try {
    check(value);
    return true;
  } catch {
    return false;
  }
}

const sizeOfMap = maps.get_size;
const sizeOfSet = sets.get_size;
const isMap = (value) => answers(sizeOfMap, value);
const isSet = (value) => answers(sizeOfSet, value);
const isDate = (value) => answers(dates.getTime, value);
// The getter answers for RegExp.prototype too, which is no regular expression; `source` of it is "(?:)" and nobody clones or prints it.
const isRegExp = (value) => answers(regexps.get_global, value) && value !== RegExpPrototype;
const RegExpPrototype = RegExp.prototype;
const isArrayBuffer = (value) => answers(buffers.get_byteLength, value);
const isDataView = (value) => answers(views.get_buffer, value);

// A view of the same bytes, whatever kind of buffer or view it is; undefined if it is neither.
function bytesOf(value) {
  if (typeof value !== "object" || value === null) return undefined;
  if (typedArrayName(value) !== undefined) {
    return new Bytes(typedArrays.get_buffer(value), typedArrays.get_byteOffset(value), typedArrays.get_byteLength(value));
  }
  if (isArrayBuffer(value)) return new Bytes(value);
  if (isDataView(value)) return new Bytes(views.get_buffer(value), views.get_byteOffset(value), views.get_byteLength(value));
  return undefined;
}


// A list of the platform's own: an array without a prototype, so that nothing a script puts on Array.prototype is met.
function list() {
  return objects.setPrototypeOf([], null);
}

// The values of an iterable, as a list. Runs the script's own iterator where there is one.
function listOf(iterable) {
  const values = list();
  for (const value of iterable) values[values.length] = value;
  return values;
}

// A list as an ordinary array for a script.
function arrayOf(values) {
  const array = [];
  for (let index = 0; index < values.length; index++) arrays.push(array, values[index]);
  return array;
}

function join(values, separator) {
  let text = "";
  for (let index = 0; index < values.length; index++) text += index === 0 ? values[index] : separator + values[index];
  return text;
}

// A weak map whose methods no script can replace.
function newPrivateMap() {
  const map = new WeakMapClass();
  return {
    __proto__: null,
    get: (key) => weakMaps.get(map, key),
    set: (key, value) => weakMaps.set(map, key, value),
    has: (key) => weakMaps.has(map, key),
  };
}
const WeakMapClass = WeakMap;

// Puts values where they can be replaced and are not listed.
function defineHidden(target, values) {
  const names = objects.keys(values);
  for (let index = 0; index < names.length; index++) {
    objects.defineProperty(target, names[index], {
      __proto__: null,
      value: values[names[index]],
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
}

internal.web.primordials = {
  __proto__: null, uncurryThis, methodsOf, reflect, objects, objectMethods, arrays, isArray, strings, stringStatics, symbols, numbers,
  numberStatics, bigints, booleans, dates, regexps, maps, sets, weakMaps, promises, functions, buffers, views, math, json, TypedArray,
  typedArrays, typedArrayName, PromiseClass, newPromise, resolved, rejected, fromCharCode, Bytes, iteratorSymbol, toStringTag, answers,
  isMap, isSet, isDate, isRegExp, isArrayBuffer, isDataView, bytesOf, list, listOf, arrayOf, join, newPrivateMap, defineHidden, apply,
};
