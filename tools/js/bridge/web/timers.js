// setTimeout and its kin: what is due and in which order. The event loop asks for `first` and calls `runFirst`; it alone
// knows how to wait.

const { now, log } = internal.web.host;
const { apply, list, maps, math } = internal.web.primordials;

// The longest delay that a signed 32-bit number of milliseconds can say; longer ones become 1 ms, as everywhere.
const MAX_DELAY = 2 ** 31 - 1;

// A binary heap by due time, then by creation. What was cancelled stays until it comes up or is more than half of the heap.
let heap = list();
let dead = 0;
const active = new Map();
let created = 0;

function before(left, right) {
  return left.due < right.due || (left.due === right.due && left.order < right.order);
}

function put(entry) {
  let index = heap.length;
  heap[index] = entry;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!before(entry, heap[parent])) break;
    heap[index] = heap[parent];
    index = parent;
  }
  heap[index] = entry;
}

function takeFirst() {
  const first = heap[0];
  const last = heap[heap.length - 1];
  heap.length--;
  if (heap.length === 0) return first;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
    if (!before(heap[child], last)) break;
    heap[index] = heap[child];
    index = child;
  }
  heap[index] = last;
  return first;
}

function dropCancelled() {
  while (heap.length > 0 && !heap[0].alive) {
    takeFirst();
    dead--;
  }
}

function kill(entry) {
  if (entry === undefined || !entry.alive) return;
  entry.alive = false;
  dead++;
  if (dead < 1024 || dead * 2 < heap.length) return;
  const old = heap;
  heap = list();
  dead = 0;
  for (let index = 0; index < old.length; index++) if (old[index].alive) put(old[index]);
}

// When the earliest timer is due, in milliseconds since 1970, and its delay; undefined if there is none.
function first() {
  dropCancelled();
  return heap.length === 0 ? undefined : heap[0];
}

// Runs the earliest timer, due or not. What its function throws goes to the caller.
function runFirst() {
  dropCancelled();
  const entry = takeFirst();
  entry.alive = false;
  fire(entry.timeout);
}

let fire, newTimeout, cancel, schedule;
let ids = 0;

class Timeout {
  #callback;
  #arguments;
  #delay;
  #repeat;
  #id;
  #entry;

  static {
    newTimeout = (callback, delay, args, repeat) => new Timeout(callback, delay, args, repeat);
    schedule = (timeout) => {
      kill(timeout.#entry);
      timeout.#entry = { __proto__: null, due: now() + timeout.#delay, delay: timeout.#delay, order: ++created, timeout, alive: true };
      put(timeout.#entry);
    };
    // An interval is due again `delay` after its function has run.
    fire = (timeout) => {
      if (!timeout.#repeat) maps.delete(active, timeout.#id);
      apply(timeout.#callback, timeout, timeout.#arguments);
      if (timeout.#repeat && maps.has(active, timeout.#id) && !timeout.#entry.alive) schedule(timeout);
    };
    cancel = (timeout) => {
      if (!(#id in timeout)) return;
      kill(timeout.#entry);
      maps.delete(active, timeout.#id);
    };
  }

  constructor(callback, delay, args, repeat) {
    this.#callback = callback;
    this.#delay = delay;
    this.#arguments = args;
    this.#repeat = repeat;
    this.#id = ++ids;
    maps.set(active, this.#id, this);
    schedule(this);
  }

  // A call ends with its promise, whatever is open: these change nothing and are there because programs call them.
  ref() {
    this.#id;
    return this;
  }
  unref() {
    this.#id;
    return this;
  }
  hasRef() {
    this.#id;
    return true;
  }
  refresh() {
    if (maps.has(active, this.#id)) schedule(this);
    return this;
  }
  close() {
    cancel(this);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.#id;
  }
  [Symbol.dispose]() {
    cancel(this);
  }
}

function received(value) {
  if (value === undefined || value === null) return `${value}`;
  if (typeof value === "string") return `type string ('${value}')`;
  return typeof value === "object" ? "an instance of Object" : `type ${typeof value}`;
}

function start(name, callback, delay, args, repeat) {
  if (typeof callback !== "function") {
    throw new TypeError(`The "callback" argument must be of type function. Received ${received(callback)}`);
  }
  let milliseconds = math.trunc(+delay);
  if (!(milliseconds >= 1)) milliseconds = 1;
  if (milliseconds > MAX_DELAY) {
    log("warn", `${name}: ${milliseconds} does not fit into a 32-bit signed integer; the delay is 1 ms`);
    milliseconds = 1;
  }
  return newTimeout(callback, milliseconds, args, repeat);
}

function stop(handle) {
  if (handle === undefined || handle === null) return;
  if (typeof handle === "object") {
    cancel(handle);
    return;
  }
  const timeout = maps.get(active, +handle);
  if (timeout !== undefined) cancel(timeout);
}

function setTimeout(callback, delay = 0, ...args) {
  return start("setTimeout", callback, delay, args, false);
}

function setInterval(callback, delay = 0, ...args) {
  return start("setInterval", callback, delay, args, true);
}

function clearTimeout(timeout) {
  stop(timeout);
}

function clearInterval(timeout) {
  stop(timeout);
}

internal.web.timers = { __proto__: null, first, runFirst, setTimeout, setInterval, clearTimeout, clearInterval };
