// reportError, and what becomes of an exception that nobody can catch: the event loop hears of it and the call fails, as Deno ends.

import { required } from "./interface.js";

let uncaught = (error) => {
  throw error;
};

// The event loop says what to do with them: `handler(error)`.
export function onUncaught(handler) {
  uncaught = handler;
}

export function reportException(error) {
  uncaught(error);
}

export function reportError(error) {
  required(arguments.length, 1, "reportError");
  uncaught(error);
}
