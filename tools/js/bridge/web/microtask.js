// queueMicrotask: what its function throws is uncaught, not a rejection.

import { promises, resolved } from "./primordials.js";
import { reportException } from "./report_error.js";

export function queueMicrotask(callback) {
  if (typeof callback !== "function") throw new TypeError("expected a function");
  promises.then(resolved(undefined), () => {
    try {
      callback();
    } catch (error) {
      reportException(error);
    }
  });
}
