// performance: time since the script first asked, marks and measures (https://w3c.github.io/user-timing).

const host = internal.web.host;
const { arrayOf, list, math } = internal.web.primordials;
const { defineInterface, dictionary, byPlatform, onlyInternal, required } = internal.web.interface;
const { DOMException } = internal.web.dom_exception;
const { structuredClone } = internal.web.clone;

let origin;
let last = 0;

function timeOrigin() {
  if (origin === undefined) origin = host.now();
  return origin;
}

// Milliseconds since the origin; never less than before, though the clock of the host may be set back.
function now() {
  const start = timeOrigin();
  last = math.max(last, host.now() - start);
  return last;
}

class PerformanceEntry {
  #name;
  #entryType;
  #startTime;
  #duration;

  constructor(token, name, entryType, startTime, duration) {
    onlyInternal(token);
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }
  get name() {
    return this.#name;
  }
  get entryType() {
    return this.#entryType;
  }
  get startTime() {
    return this.#startTime;
  }
  get duration() {
    return this.#duration;
  }
  toJSON() {
    return { name: this.#name, entryType: this.#entryType, startTime: this.#startTime, duration: this.#duration };
  }
}
defineInterface(PerformanceEntry);

class PerformanceMark extends PerformanceEntry {
  #detail;

  constructor(name, options = undefined) {
    required(arguments.length, 1, "PerformanceMark constructor");
    const { detail = null, startTime = now() } = dictionary(options, "PerformanceMark options");
    if (startTime < 0) throw new TypeError("startTime cannot be negative");
    super(byPlatform, `${name}`, "mark", +startTime, 0);
    this.#detail = structuredClone(detail);
  }
  get detail() {
    return this.#detail;
  }
  toJSON() {
    const { name, entryType, startTime, duration } = this;
    return { name, entryType, startTime, duration, detail: this.#detail };
  }
}
defineInterface(PerformanceMark);

class PerformanceMeasure extends PerformanceEntry {
  #detail;

  constructor(token, name, startTime, duration, detail) {
    super(token, name, "measure", startTime, duration);
    this.#detail = detail;
  }
  get detail() {
    return this.#detail;
  }
  toJSON() {
    const { name, entryType, startTime, duration } = this;
    return { name, entryType, startTime, duration, detail: this.#detail };
  }
}
defineInterface(PerformanceMeasure);

const entries = list();

function add(entry) {
  entries[entries.length] = entry;
  return entry;
}

function keep(wanted) {
  let to = 0;
  for (let from = 0; from < entries.length; from++) if (wanted(entries[from])) entries[to++] = entries[from];
  entries.length = to;
}

// In the order in which they were made, as in Deno.
function found(wanted) {
  const values = list();
  for (let index = 0; index < entries.length; index++) if (wanted(entries[index])) values[values.length] = entries[index];
  return arrayOf(values);
}

function timeOf(mark) {
  if (typeof mark === "number") return mark;
  for (let index = entries.length - 1; index >= 0; index--) {
    if (entries[index].entryType === "mark" && entries[index].name === `${mark}`) return entries[index].startTime;
  }
  throw new DOMException(`Cannot find mark: "${mark}"`, "SyntaxError");
}

function span(startOrOptions, endMark) {
  if (typeof startOrOptions !== "object" || startOrOptions === null) {
    const start = startOrOptions === undefined || startOrOptions === null ? 0 : timeOf(startOrOptions);
    return { start, end: endMark === undefined ? now() : timeOf(endMark), detail: null };
  }
  const { start, end, duration, detail = null } = startOrOptions;
  if (start !== undefined && end !== undefined && duration !== undefined) {
    throw new TypeError("Cannot specify start, end, and duration together in options");
  }
  const from = start !== undefined ? timeOf(start) : end !== undefined && duration !== undefined ? timeOf(end) - duration : 0;
  const to = end !== undefined ? timeOf(end) : start !== undefined && duration !== undefined ? from + duration : now();
  return { start: from, end: to, detail: structuredClone(detail) };
}

class Performance {
  #brand;

  constructor(token) {
    onlyInternal(token);
  }
  get timeOrigin() {
    this.#brand;
    return timeOrigin();
  }
  now() {
    this.#brand;
    return now();
  }
  mark(name, options = undefined) {
    required(arguments.length, 1, "Performance.mark");
    this.#brand;
    return add(new PerformanceMark(name, options));
  }
  measure(name, startOrOptions = undefined, endMark = undefined) {
    required(arguments.length, 1, "Performance.measure");
    this.#brand;
    const { start, end, detail } = span(startOrOptions, endMark);
    return add(new PerformanceMeasure(byPlatform, `${name}`, start, end - start, detail));
  }
  clearMarks(name = undefined) {
    this.#brand;
    keep((entry) => entry.entryType !== "mark" || (name !== undefined && entry.name !== `${name}`));
  }
  clearMeasures(name = undefined) {
    this.#brand;
    keep((entry) => entry.entryType !== "measure" || (name !== undefined && entry.name !== `${name}`));
  }
  getEntries() {
    this.#brand;
    return found(() => true);
  }
  getEntriesByName(name, type = undefined) {
    required(arguments.length, 1, "Performance.getEntriesByName");
    this.#brand;
    return found((entry) => entry.name === `${name}` && (type === undefined || entry.entryType === `${type}`));
  }
  getEntriesByType(type) {
    required(arguments.length, 1, "Performance.getEntriesByType");
    this.#brand;
    return found((entry) => entry.entryType === `${type}`);
  }
  toJSON() {
    this.#brand;
    return { timeOrigin: timeOrigin() };
  }
}
defineInterface(Performance);

const performance = new Performance(byPlatform);

internal.web.performance = { __proto__: null, now, PerformanceEntry, PerformanceMark, PerformanceMeasure, Performance, performance };
