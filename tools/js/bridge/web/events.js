// Event, CustomEvent and EventTarget (https://dom.spec.whatwg.org/#events) without a tree: a target has no parent.

const { apply, list, newPrivateMap, objects, strings } = internal.web.primordials;
const { defineConstants, defineInterface, dictionary, required } = internal.web.interface;
const { DOMException } = internal.web.dom_exception;
const { reportException } = internal.web.report_error;

let dispatch;

class Event {
  #type;
  #target = null;
  #current = null;
  #phase = 0;
  #bubbles;
  #cancelable;
  #composed;
  #canceled = false;
  #stopped = false;
  #stoppedAtOnce = false;
  #passive = false;
  #dispatched = false;
  #time = 0;

  static {
    dispatch = (event, target, listeners) => {
      if (!(#type in event)) throw new TypeError("Argument 1 is not an Event");
      if (event.#dispatched) throw new DOMException("Invalid event state", "InvalidStateError");
      event.#dispatched = true;
      event.#target = target;
      event.#current = target;
      event.#phase = 2;
      invoke(event, listeners);
      event.#phase = 0;
      event.#current = null;
      event.#dispatched = false;
      event.#stopped = false;
      event.#stoppedAtOnce = false;
      return !event.#canceled;
    };
    const invoke = (event, listeners) => {
      const now = list();
      for (let index = 0; index < listeners.length; index++) now[index] = listeners[index];
      for (let index = 0; index < now.length && !event.#stoppedAtOnce; index++) {
        const listener = now[index];
        if (listener.removed || listener.type !== event.#type) continue;
        if (listener.once) remove(listeners, listener);
        event.#passive = listener.passive;
        try {
          call(listener.callback, event);
        } catch (error) {
          reportException(error);
        }
        event.#passive = false;
      }
    };
  }

  constructor(type, options = undefined) {
    required(arguments.length, 1, "Event constructor");
    const { bubbles, cancelable, composed } = dictionary(options, "Event options");
    this.#type = `${type}`;
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
    this.#composed = !!composed;
    objects.defineProperty(this, "isTrusted", { __proto__: null, value: false, enumerable: false, configurable: false });
  }

  get type() {
    return this.#type;
  }
  get target() {
    return this.#target;
  }
  get srcElement() {
    return this.#target;
  }
  get currentTarget() {
    return this.#current;
  }
  composedPath() {
    return this.#current === null ? [] : [this.#current];
  }
  get eventPhase() {
    return this.#phase;
  }
  stopPropagation() {
    this.#stopped = true;
  }
  get cancelBubble() {
    return this.#stopped;
  }
  set cancelBubble(value) {
    if (value) this.#stopped = true;
  }
  stopImmediatePropagation() {
    this.#stopped = true;
    this.#stoppedAtOnce = true;
  }
  get bubbles() {
    return this.#bubbles;
  }
  get cancelable() {
    return this.#cancelable;
  }
  get returnValue() {
    return !this.#canceled;
  }
  set returnValue(value) {
    if (!value) this.preventDefault();
  }
  preventDefault() {
    if (this.#cancelable && !this.#passive) this.#canceled = true;
  }
  get defaultPrevented() {
    return this.#canceled;
  }
  get composed() {
    return this.#composed;
  }
  get timeStamp() {
    return this.#time;
  }
}
defineInterface(Event);
defineConstants(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

class CustomEvent extends Event {
  #detail;

  constructor(type, options = undefined) {
    required(arguments.length, 1, "CustomEvent constructor");
    super(type, options);
    const { detail } = dictionary(options, "CustomEvent options");
    this.#detail = detail === undefined ? null : detail;
  }

  get detail() {
    return this.#detail;
  }
}
defineInterface(CustomEvent);

function call(callback, event) {
  if (typeof callback === "function") apply(callback, event.currentTarget, [event]);
  else apply(callback.handleEvent, callback, [event]);
}

function remove(listeners, listener) {
  listener.removed = true;
  let to = 0;
  for (let from = 0; from < listeners.length; from++) {
    if (listeners[from] !== listener) listeners[to++] = listeners[from];
  }
  listeners.length = to;
}

let listenersOf;

class EventTarget {
  #listeners = list();

  static {
    listenersOf = (target) => target.#listeners;
  }

  addEventListener(type, callback, options = undefined) {
    required(arguments.length, 2, "EventTarget.addEventListener");
    const listeners = this.#listeners;
    if (callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object") throw new TypeError("The listener is neither a function nor an object");
    const { capture, once, passive, signal } = flat(options);
    if (signal !== undefined && signal.aborted) return;
    const listener = { __proto__: null, type: `${type}`, callback, capture, once: !!once, passive: !!passive, removed: false };
    for (let index = 0; index < listeners.length; index++) if (same(listeners[index], listener)) return;
    listeners[listeners.length] = listener;
    if (signal !== undefined) addInternalListener(signal, "abort", () => remove(listeners, listener));
  }

  removeEventListener(type, callback, options = undefined) {
    required(arguments.length, 2, "EventTarget.removeEventListener");
    const listeners = this.#listeners;
    const wanted = { __proto__: null, type: `${type}`, callback, capture: flat(options).capture };
    for (let index = 0; index < listeners.length; index++) {
      if (same(listeners[index], wanted)) {
        remove(listeners, listeners[index]);
        return;
      }
    }
  }

  dispatchEvent(event) {
    required(arguments.length, 1, "EventTarget.dispatchEvent");
    if (typeof event !== "object" || event === null) throw new TypeError("Argument 1 is not an Event");
    return dispatch(event, this, this.#listeners);
  }
}
defineInterface(EventTarget);

function flat(options) {
  if (typeof options === "boolean") return { __proto__: null, capture: options };
  const { capture, once, passive, signal } = dictionary(options, "Listener options");
  return { __proto__: null, capture: !!capture, once, passive, signal };
}

function same(left, right) {
  return left.type === right.type && left.callback === right.callback && left.capture === right.capture;
}

// A listener of the platform's own, in its turn among those of the script.
function addInternalListener(target, type, callback) {
  const listeners = listenersOf(target);
  const listener = { __proto__: null, type, callback, capture: false, once: false, passive: false, removed: false };
  listeners[listeners.length] = listener;
  return listener;
}

// An `on...` attribute: its place among the listeners is where it was first set.
function handlerAttribute(constructor, name) {
  const type = strings.slice(name, 2);
  const handlers = newPrivateMap();
  objects.defineProperty(constructor.prototype, name, {
    __proto__: null,
    enumerable: true,
    configurable: true,
    get() {
      listenersOf(this);
      const handler = handlers.get(this);
      return handler === undefined ? null : handler.value;
    },
    set(value) {
      const callback = typeof value === "function" || (typeof value === "object" && value !== null) ? value : null;
      let handler = handlers.get(this);
      if (handler === undefined) {
        if (callback === null) return;
        handler = { __proto__: null, value: callback };
        handlers.set(this, handler);
        addInternalListener(this, type, function (event) {
          if (typeof handler.value === "function") apply(handler.value, this, [event]);
        });
      } else {
        handler.value = callback;
      }
    },
  });
}

internal.web.events = { __proto__: null, Event, CustomEvent, EventTarget, addInternalListener, handlerAttribute };
