// queueMicrotask: what its function throws is uncaught, not a rejection.

const { promises, resolved } = internal.web.primordials;
const { reportException } = internal.web.report_error;

function queueMicrotask(callback) {
  if (typeof callback !== "function") throw new TypeError("expected a function");
  promises.then(resolved(undefined), () => {
    try {
      callback();
    } catch (error) {
      reportException(error);
    }
  });
}

internal.web.microtask = { __proto__: null, queueMicrotask };
