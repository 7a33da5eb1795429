// `Promise.any` with the message that other engines give its error; QuickJS gives it none.

const { apply, hasOwn } = internal.intrinsics;
const { define } = internal;
const { construct } = Reflect;
const { any } = Promise;
const { getPrototypeOf } = Object;
const { prototype } = AggregateError;

/** The engine's own error has no message; another without one that comes from the iterable gets it too. */
const told = (error) => {
  const isBare = typeof error === "object" && error !== null && getPrototypeOf(error) === prototype && !hasOwn(error, "message");
  if (isBare) define(error, "message", "All promises were rejected");
  return error;
};

define(Promise, "any", {
  any(iterable) {
    const constructor = this;
    if (typeof constructor !== "function") return apply(any, constructor, [iterable]);
    const capability = function (executor) {
      return construct(constructor, [(resolve, reject) => executor(resolve, (error) => reject(told(error)))]);
    };
    const { resolve } = constructor;
    capability.resolve = typeof resolve === "function" ? (value) => apply(resolve, constructor, [value]) : resolve;
    return apply(any, capability, [iterable]);
  },
}.any);
