// The event loop: tickets and timers. `turn` is called when no microtask is left.

const { stringify, parse, Promise } = internal.intrinsics;
const { submit, next, cancel, now, isOpen } = internal.natives;

/** Open tickets: what is to be done with their answers. */
const open = { __proto__: null };

/**
 * Starts a system call. `operation` is for example `fs.read-range`, `parameters` an object with the names of the contract in
 * lowerCamelCase, `content` what of them is bytes. Later either `done(value, content)` is called or `failed(problem)`.
 */
internal.submitTo = (operation, parameters, content, done, failed) => {
  const ticket = submit(operation, stringify(parameters), content);
  if (typeof ticket !== "number") return failed(ticket);
  open[ticket] = (value, content) => {
    if (typeof value === "string") done(parse(value), content);
    else failed(value);
  };
};

/** As a promise of `[value, content]`, rejected with what `toError` makes of the problem. */
internal.submit = (operation, parameters, content, toError = internal.errorOf) =>
  new Promise((resolve, reject) => {
    const done = (value, content) => resolve([value, content]);
    internal.submitTo(operation, parameters, content, done, (problem) => reject(toError(problem)));
  });

// The sleep that waits for the first timer, and the moment to which it sleeps.
let sleeping = 0;
let wakes = 0;

const giveUpSleep = () => {
  if (sleeping === 0) return;
  if (cancel(sleeping)) delete open[sleeping];
  else open[sleeping] = () => {};
  sleeping = 0;
};

/** Runs the first timer (`web/timers.js`) if its time has come, or sees to it that somebody wakes us when it has; whether it ran. */
const runTimer = () => {
  const { timers } = internal.web;
  const first = timers.first();
  if (first === undefined) {
    giveUpSleep();
    return false;
  }
  // A delay of one millisecond needs nobody who waits for it.
  if (first.delay > 1) {
    const left = first.due - now();
    if (left > 0) {
      if (sleeping !== 0 && wakes !== first.due) giveUpSleep();
      if (sleeping === 0) sleepUntil(first, left);
      return false;
    }
  }
  timers.runFirst();
  return true;
};

const sleepUntil = (timer, left) => {
  const ticket = submit("clock.sleep", `{"nanoseconds":${Math_ceil(left * 1e6)}}`);
  if (typeof ticket !== "number") throw internal.errorOf(ticket);
  sleeping = ticket;
  wakes = timer.due;
  open[ticket] = (value) => {
    sleeping = 0;
    if (typeof value !== "string") throw internal.errorOf(value);
  };
};
const Math_ceil = Math.ceil;

// What ended while somebody waited for something else. It is told later, in the order in which it ended.
const kept = { __proto__: null };
let keptFrom = 0;
let keptTo = 0;

const takeKept = () => {
  const answer = kept[keptFrom];
  delete kept[keptFrom++];
  return answer;
};

/** As `submit`, and waits for the answer: nothing else of the script runs meanwhile. */
internal.submitNow = (operation, parameters, content, toError = internal.errorOf) => {
  const ticket = submit(operation, stringify(parameters), content);
  if (typeof ticket !== "number") throw toError(ticket);
  for (;;) {
    const answer = next();
    if (answer === undefined) throw new internal.LibosError("a system call was given up");
    if (answer[0] !== ticket) {
      kept[keptTo++] = answer;
      continue;
    }
    if (typeof answer[1] === "string") return [parse(answer[1]), answer[2]];
    throw toError(answer[1]);
  }
};

/** One timer, or one answer; false if there is nothing that could ever happen. */
internal.turn = () => {
  if (!isOpen()) return false;
  if (runTimer()) return true;
  const answer = keptFrom < keptTo ? takeKept() : next();
  if (answer === undefined) return false;
  const then = open[answer[0]];
  delete open[answer[0]];
  if (then !== undefined) then(answer[1], answer[2]);
  return true;
};
