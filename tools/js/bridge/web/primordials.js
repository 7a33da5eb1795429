// The language's own functions as they were before any script ran: what a script overwrites, it overwrites for itself alone.

const { apply, getOwnPropertyDescriptor, ownKeys } = Reflect;
const { bind, call } = Function.prototype;

// uncurryThis(f)(self, ...rest) is f.call(self, ...rest), without looking up `call`.
export const uncurryThis = bind.bind(call);

// The methods of a prototype as functions whose first parameter is `this`; getters as `get_name`. Symbols are left out.
export function methodsOf(prototype) {
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

export const reflect = staticsOf(Reflect);
export const objects = staticsOf(Object);
export const objectMethods = methodsOf(Object.prototype);
export const arrays = methodsOf(Array.prototype);
export const isArray = Array.isArray;
export const strings = methodsOf(String.prototype);
export const stringStatics = staticsOf(String);
export const symbols = methodsOf(Symbol.prototype);
export const numbers = methodsOf(Number.prototype);
export const numberStatics = staticsOf(Number);
export const bigints = methodsOf(BigInt.prototype);
export const booleans = methodsOf(Boolean.prototype);
export const dates = methodsOf(Date.prototype);
export const regexps = methodsOf(RegExp.prototype);
export const maps = methodsOf(Map.prototype);
export const sets = methodsOf(Set.prototype);
export const weakMaps = methodsOf(WeakMap.prototype);
export const promises = methodsOf(Promise.prototype);
export const functions = methodsOf(Function.prototype);
export const buffers = methodsOf(ArrayBuffer.prototype);
export const views = methodsOf(DataView.prototype);
export const math = staticsOf(Math);
export const json = staticsOf(JSON);

export const TypedArray = objects.getPrototypeOf(Uint8Array);
export const typedArrays = methodsOf(TypedArray.prototype);
const typedArrayTag = uncurryThis(getOwnPropertyDescriptor(TypedArray.prototype, Symbol.toStringTag).get);

// The name of the class of a typed array; undefined for anything else.
export function typedArrayName(value) {
  return typedArrayTag(value);
}

export const PromiseClass = Promise;
export const newPromise = (executor) => new PromiseClass(executor);
export const resolved = bind.call(Promise.resolve, Promise);
export const rejected = bind.call(Promise.reject, Promise);
export const fromCharCode = String.fromCharCode;
export const Bytes = Uint8Array;
export const iteratorSymbol = Symbol.iterator;
export const toStringTag = Symbol.toStringTag;

// What answers without throwing: whether `check(value)` is good. For brand checks of built-in classes.
export function answers(check, value) {
  try {
    check(value);
    return true;
  } catch {
    return false;
  }
}

const sizeOfMap = maps.get_size;
const sizeOfSet = sets.get_size;
export const isMap = (value) => answers(sizeOfMap, value);
export const isSet = (value) => answers(sizeOfSet, value);
export const isDate = (value) => answers(dates.getTime, value);
// The getter answers for RegExp.prototype too, which is no regular expression; `source` of it is "(?:)" and nobody clones or prints it.
export const isRegExp = (value) => answers(regexps.get_global, value) && value !== RegExpPrototype;
const RegExpPrototype = RegExp.prototype;
export const isArrayBuffer = (value) => answers(buffers.get_byteLength, value);
export const isDataView = (value) => answers(views.get_buffer, value);

// A view of the same bytes, whatever kind of buffer or view it is; undefined if it is neither.
export function bytesOf(value) {
  if (typeof value !== "object" || value === null) return undefined;
  if (typedArrayName(value) !== undefined) {
    return new Bytes(typedArrays.get_buffer(value), typedArrays.get_byteOffset(value), typedArrays.get_byteLength(value));
  }
  if (isArrayBuffer(value)) return new Bytes(value);
  if (isDataView(value)) return new Bytes(views.get_buffer(value), views.get_byteOffset(value), views.get_byteLength(value));
  return undefined;
}

export { apply };

// A list of the platform's own: an array without a prototype, so that nothing a script puts on Array.prototype is met.
export function list() {
  return objects.setPrototypeOf([], null);
}

// The values of an iterable, as a list. Runs the script's own iterator where there is one.
export function listOf(iterable) {
  const values = list();
  for (const value of iterable) values[values.length] = value;
  return values;
}

// A list as an ordinary array for a script.
export function arrayOf(values) {
  const array = [];
  for (let index = 0; index < values.length; index++) arrays.push(array, values[index]);
  return array;
}

export function join(values, separator) {
  let text = "";
  for (let index = 0; index < values.length; index++) text += index === 0 ? values[index] : separator + values[index];
  return text;
}

// A weak map whose methods no script can replace.
export function newPrivateMap() {
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
export function defineHidden(target, values) {
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
