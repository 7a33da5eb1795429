// reportError, and what becomes of an exception that nobody can catch: it is a rejection that nobody looks at, so the call fails when the
// microtasks have run, as a program under Deno ends.

const { rejected } = internal.web.primordials;
const { required } = internal.web.interface;

function reportException(error) {
  rejected(error);
}

function reportError(error) {
  required(arguments.length, 1, "reportError");
  rejected(error);
}

internal.web.report_error = { __proto__: null, reportException, reportError };
