// The one way out of the namespace `Deno`: system calls, waited for or not.

/**
 * `start(operation, args, content)` answers a promise of `{ value, content }`; `now` does the same and waits for it, while what else ends
 * is kept for the event loop. Both fail with an error that has a `code`. `denied(error)` makes a call that ends by `error` one that was
 * denied. `inspect` is that of the console.
 */
let host;

export function connect(given) {
  host = given;
}

/**
 * Runs steps that are written once for both forms of a function. A step yields `[operation, args, content]` and gets `{ value, content }`.
 */
export async function drive(steps) {
  let step = steps.next();
  while (!step.done) {
    let reply;
    try {
      reply = await host.start(...step.value);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(reply);
  }
  return step.value;
}

/** As `drive`, and nothing else of the script runs meanwhile. */
export function driveNow(steps) {
  let step = steps.next();
  while (!step.done) {
    let reply;
    try {
      reply = host.now(...step.value);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(reply);
  }
  return step.value;
}

/** An error that stands for a denial, uncaught, makes the call end as denied. */
export function denied(error) {
  host.denied(error);
  return error;
}

export function inspect(value, options) {
  return host.inspect(value, options);
}
