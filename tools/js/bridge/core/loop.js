// The event loop: tickets and timers. `turn` is called when no microtask is left.

const { stringify, parse, Promise, Uint8Array } = internal.intrinsics;
const { submit, next, cancel, now, isOpen } = internal.natives;

/**
 * Tickets that are open at once. The contract (`wit/tickets.wit`) allows 1,024; the rest is for the sleep of the timers and for a call
 * that is waited for at once, which begin whatever else is open.
 */
const OPEN_MAX = 1000;

/** Open tickets: what is to be done with their answers. */
const open = { __proto__: null };
let opened = 0;

/** Calls that begin as open ones end, in the order of submission; they take nothing but memory. */
const queue = { __proto__: null };
let queueFrom = 0;
let queueTo = 0;

const start = (operation, parameters, content, then, failed) => {
  const ticket = submit(operation, parameters, content);
  if (typeof ticket !== "number") return failed(ticket);
  opened++;
  open[ticket] = then;
};

/** The next answer. Whoever waits in the queue takes the place of what has ended. */
const takeNext = () => {
  const answer = next();
  if (answer === undefined) return undefined;
  opened--;
  while (queueFrom < queueTo && opened < OPEN_MAX) {
    const first = queue[queueFrom];
    delete queue[queueFrom++];
    start(first.operation, first.parameters, first.content, first.then, first.failed);
  }
  return answer;
};

/**
 * Starts a system call. `operation` is for example `fs.read-range`, `parameters` an object with the names of the contract in
 * lowerCamelCase, `content` what of them is bytes. Later either `done(value, content)` is called or `failed(problem)`.
 */
internal.submitTo = (operation, parameters, content, done, failed) => {
  const then = (value, content) => {
    if (typeof value === "string") done(parse(value), content);
    else failed(value);
  };
  const text = stringify(parameters);
  if (opened < OPEN_MAX) return start(operation, text, content, then, failed);
  // The script may change its array before this begins.
  const kept = content === undefined ? undefined : new Uint8Array(content);
  queue[queueTo++] = { __proto__: null, operation, parameters: text, content: kept, then, failed };
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
  if (cancel(sleeping)) {
    delete open[sleeping];
    opened--;
  } else open[sleeping] = () => {};
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
  opened++;
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
  opened++;
  for (;;) {
    const answer = takeNext();
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
  const answer = keptFrom < keptTo ? takeKept() : takeNext();
  if (answer === undefined) return false;
  const then = open[answer[0]];
  delete open[answer[0]];
  if (then !== undefined) then(answer[1], answer[2]);
  return true;
};
