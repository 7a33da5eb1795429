// What the prelude uses of the language, taken before any script can change it.

const { apply, ownKeys, defineProperty } = Reflect;
/** `method` as a function of what it is called on. */
const uncurry = (method) => (self, ...rest) => apply(method, self, rest);

internal.intrinsics = {
  __proto__: null,
  apply,
  ownKeys,
  defineProperty,
  uncurry,
  Error,
  TypeError,
  RangeError,
  Promise,
  Uint8Array,
  String,
  Number,
  parse: JSON.parse,
  stringify: JSON.stringify,
  isArray: Array.isArray,
  hasOwn: Object.hasOwn,
  freeze: Object.freeze,
  keys: Object.keys,
  isInteger: Number.isInteger,
  isView: ArrayBuffer.isView,
  toWellFormed: uncurry(String.prototype.toWellFormed),
};

/** Defines what a script may replace, as the platform's own names are. */
internal.define = (target, name, value, enumerable = false) =>
  defineProperty(target, name, { __proto__: null, value, writable: true, enumerable, configurable: true });
