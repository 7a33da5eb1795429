// The event loop: tickets and timers. `turn` is called when no microtask is left.

const { stringify, parse, Promise, apply, Number } = internal.intrinsics;
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

// Timers, the earliest first: a list linked by `next`. One that was cleared is `dead` until it is met.
let first = null;
const timers = { __proto__: null };
let lastTimer = 0;
// The sleep that waits for the first timer, and the moment to which it sleeps.
let sleeping = 0;
let wakes = 0;

const insert = (timer) => {
  if (first === null || timer.due < first.due) {
    timer.next = first;
    first = timer;
    return;
  }
  let at = first;
  while (at.next !== null && at.next.due <= timer.due) at = at.next;
  timer.next = at.next;
  at.next = timer;
};

/** Calls `callback` after so many milliseconds, again and again if `repeats`; answers a number by which it is cleared. */
internal.setTimer = (callback, milliseconds, repeats) => {
  let delay = Number(milliseconds);
  if (!(delay >= 1 && delay <= 0x7fffffff)) delay = 1;
  const id = ++lastTimer;
  const timer = { __proto__: null, id, callback, delay, repeats, due: now() + delay, next: null };
  timers[id] = timer;
  insert(timer);
  return id;
};

internal.clearTimer = (id) => {
  const timer = timers[id];
  if (timer === undefined) return;
  delete timers[id];
  unlink(timer);
};

const unlink = (timer) => {
  if (first === timer) {
    first = timer.next;
    return;
  }
  for (let at = first; at !== null; at = at.next) {
    if (at.next === timer) {
      at.next = timer.next;
      return;
    }
  }
};

const giveUpSleep = () => {
  if (sleeping === 0) return;
  if (cancel(sleeping)) delete open[sleeping];
  else open[sleeping] = () => {};
  sleeping = 0;
};

/** Runs the first timer if its time has come, or sees to it that somebody wakes us when it has; whether it ran. */
const runTimer = () => {
  if (first === null) {
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
  const timer = first;
  first = timer.next;
  if (timer.repeats) {
    timer.due = now() + timer.delay;
    insert(timer);
  } else {
    delete timers[timer.id];
  }
  timer.callback();
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

/** One timer, or one answer; false if there is nothing that could ever happen. */
internal.turn = () => {
  if (!isOpen()) return false;
  if (runTimer()) return true;
  const answer = next();
  if (answer === undefined) return false;
  const then = open[answer[0]];
  delete open[answer[0]];
  if (then !== undefined) then(answer[1], answer[2]);
  return true;
};

const define = (name, value) => internal.define(globalThis, name, value, true);
const timerOf = (repeats) => (callback, milliseconds, ...rest) =>
  internal.setTimer(() => apply(callback, globalThis, rest), milliseconds, repeats);
define("setTimeout", { setTimeout: timerOf(false) }.setTimeout);
define("setInterval", { setInterval: timerOf(true) }.setInterval);
define("clearTimeout", (id) => internal.clearTimer(id));
define("clearInterval", (id) => internal.clearTimer(id));
