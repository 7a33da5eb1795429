// The one way out of the namespace `Deno`: system calls, waited for or not.

internal.deno = { __proto__: null };
const { submit, submitNow, markDenied } = internal;
const { encodeText, decodeText } = internal.natives;

/**
 * Runs steps that are written once for both forms of a function. A step yields `[operation, parameters, content]` and gets
 * `[value, content]`.
 */
async function drive(steps) {
  let step = steps.next();
  while (!step.done) {
    let reply;
    try {
      reply = await submit(...step.value);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(reply);
  }
  return step.value;
}

/** As `drive`, and nothing else of the script runs meanwhile. */
function driveNow(steps) {
  let step = steps.next();
  while (!step.done) {
    let reply;
    try {
      reply = submitNow(...step.value);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(reply);
  }
  return step.value;
}

/** An error that stands for a denial, uncaught, makes the call end as denied. */
function denied(error) {
  markDenied(error);
  return error;
}

/** UTF-8; a lone surrogate is written as U+FFFD. */
function encode(text) {
  return encodeText(`${text}`.toWellFormed());
}

/** UTF-8; what is none is read as U+FFFD. A byte order mark stays. */
function decode(bytes) {
  return decodeText(bytes);
}

Object.assign(internal.deno, { drive, driveNow, denied, encode, decode });
