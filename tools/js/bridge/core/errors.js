// The errors of system calls, and what the end of a call is because of them.

const { uncurry, Error, defineProperty } = internal.intrinsics;
const denied = new WeakSet();
const invalid = new WeakSet();
const add = uncurry(WeakSet.prototype.add);
const has = uncurry(WeakSet.prototype.has);
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

/** An error of a system call: `code` is the case of `error` in the contract, for example `not-found`. */
class LibosError extends Error {
  constructor(message, code = "internal", more = undefined) {
    super(message);
    internal.define(this, "code", code, true);
    if (more !== undefined) {
      for (const key of ["right", "resource", "reason", "version"]) {
        if (more[key] !== undefined) internal.define(this, key, more[key], true);
      }
    }
    if (code === "denied") add(denied, this);
  }
}
internal.define(LibosError.prototype, "name", "LibosError");
internal.LibosError = LibosError;

// `stack` is read through the prototype: the author's lines are looked up when somebody asks for it, and at no other time.
const { mapStack } = internal.natives;
const { getOwnPropertyDescriptor } = Object;
const given = getOwnPropertyDescriptor(Error.prototype, "stack");
const rawStack = uncurry(given.get);
const toWellFormed = uncurry(String.prototype.toWellFormed);
const authors = (stack) => (typeof stack === "string" ? mapStack(toWellFormed(stack)) : stack);
const stack = { get stack() { return authors(rawStack(this)); } };
defineProperty(Error.prototype, "stack", {
  __proto__: null,
  get: getOwnPropertyDescriptor(stack, "stack").get,
  set: given.set,
  enumerable: false,
  configurable: true,
});
const { captureStackTrace } = Error;
internal.define(Error, "captureStackTrace", {
  captureStackTrace(target, below) {
    captureStackTrace(target, below);
    const own = getOwnPropertyDescriptor(target, "stack");
    if (own !== undefined && typeof own.value === "string") internal.define(target, "stack", authors(own.value));
  },
}.captureStackTrace);

/** Of what a native said. */
internal.errorOf = (problem) => new LibosError(problem.message, problem.code, problem);
/** This error, uncaught, makes the call end as `denied`. */
internal.markDenied = (error) => add(denied, error);
/** This error, uncaught, makes the call end as `invalid-arguments`. */
internal.markInvalid = (error) => add(invalid, error);
/** 1 for invalid arguments, 2 for denied, 0 for anything else. */
internal.reasonOf = (error) => !isObject(error) ? 0 : has(invalid, error) ? 1 : has(denied, error) ? 2 : 0;
