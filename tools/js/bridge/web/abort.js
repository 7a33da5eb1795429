// AbortController and AbortSignal (https://dom.spec.whatwg.org/#aborting-ongoing-activities).

const { list, listOf, numberStatics, uncurryThis } = internal.web.primordials;
const { defineInterface, byPlatform, onlyInternal, required } = internal.web.interface;
const { DOMException } = internal.web.dom_exception;
const { Event, EventTarget, handlerAttribute } = internal.web.events;
const { setTimeout } = internal.web.timers;

let abort, onAbort, sourcesOf, follow;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  // What the platform does on abort, before the script's listeners hear of it.
  #steps = list();
  #dependents = list();
  // For a signal of `any`: the signals that do not depend on others; nothing for one of a controller.
  #sources = undefined;

  static {
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException("The signal has been aborted", "AbortError") : reason;
      const hit = list();
      for (let index = 0; index < signal.#dependents.length; index++) {
        const dependent = signal.#dependents[index];
        if (dependent.#aborted) continue;
        dependent.#aborted = true;
        dependent.#reason = signal.#reason;
        hit[hit.length] = dependent;
      }
      run(signal);
      for (let index = 0; index < hit.length; index++) run(hit[index]);
    };
    const run = (signal) => {
      const steps = signal.#steps;
      signal.#steps = list();
      for (let index = 0; index < steps.length; index++) steps[index](signal.#reason);
      dispatchEvent(signal, new Event("abort"));
    };
    onAbort = (signal, step) => {
      if (signal.#aborted) step(signal.#reason);
      else signal.#steps[signal.#steps.length] = step;
    };
    sourcesOf = (signal) => signal.#sources;
    follow = (dependent, signals) => {
      dependent.#sources = list();
      for (let index = 0; index < signals.length; index++) {
        const sources = signals[index].#sources ?? [signals[index]];
        for (let each = 0; each < sources.length; each++) {
          dependent.#sources[dependent.#sources.length] = sources[each];
          sources[each].#dependents[sources[each].#dependents.length] = dependent;
        }
      }
    };
  }

  constructor(token) {
    onlyInternal(token);
    super();
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(byPlatform);
    abort(signal, reason);
    return signal;
  }

  static timeout(milliseconds) {
    required(arguments.length, 1, "AbortSignal.timeout");
    const delay = +milliseconds;
    if (!(delay >= 0 && delay <= numberStatics.MAX_SAFE_INTEGER)) {
      throw new TypeError(
        "Failed to execute 'AbortSignal.timeout': Argument 1 is outside the accepted range of 0 to 9007199254740991, inclusive",
      );
    }
    const signal = new AbortSignal(byPlatform);
    setTimeout(() => abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")), delay);
    return signal;
  }

  static any(signals) {
    required(arguments.length, 1, "AbortSignal.any");
    const given = listOf(signals);
    for (let index = 0; index < given.length; index++) sourcesOf(given[index]);
    const signal = new AbortSignal(byPlatform);
    for (let index = 0; index < given.length; index++) {
      if (given[index].aborted) {
        abort(signal, given[index].reason);
        return signal;
      }
    }
    follow(signal, given);
    return signal;
  }

  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
}
defineInterface(AbortSignal);
handlerAttribute(AbortSignal, "onabort");

const dispatchEvent = uncurryThis(EventTarget.prototype.dispatchEvent);

class AbortController {
  #signal = new AbortSignal(byPlatform);

  get signal() {
    return this.#signal;
  }
  abort(reason = undefined) {
    abort(this.#signal, reason);
  }
}
defineInterface(AbortController);

// For the platform: runs `step(reason)` when the signal aborts, at once if it has.

internal.web.abort = { __proto__: null, AbortSignal, AbortController, onAbort };
