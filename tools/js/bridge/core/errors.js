// The errors of system calls, and what the end of a call is because of them.

const { uncurry, Error } = internal.intrinsics;
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

/** Of what a native said. */
internal.errorOf = (problem) => new LibosError(problem.message, problem.code, problem);
/** This error, uncaught, makes the call end as `denied`. */
internal.markDenied = (error) => add(denied, error);
/** This error, uncaught, makes the call end as `invalid-arguments`. */
internal.markInvalid = (error) => add(invalid, error);
/** 1 for invalid arguments, 2 for denied, 0 for anything else. */
internal.reasonOf = (error) => !isObject(error) ? 0 : has(invalid, error) ? 1 : has(denied, error) ? 2 : 0;
