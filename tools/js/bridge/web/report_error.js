// reportError, and what becomes of an exception that nobody can catch: the event loop hears of it and the call fails, as Deno ends.

const { required } = internal.web.interface;

let uncaught = (error) => {
  throw error;
};

// The event loop says what to do with them: `handler(error)`.
function onUncaught(handler) {
  uncaught = handler;
}

function reportException(error) {
  uncaught(error);
}

function reportError(error) {
  required(arguments.length, 1, "reportError");
  uncaught(error);
}

internal.web.report_error = { __proto__: null, onUncaught, reportException, reportError };
