// Puts the platform where scripts find it.

const { objects, toStringTag } = internal.web.primordials;
const { AbortController, AbortSignal } = internal.web.abort;
const { atob, btoa } = internal.web.base64;
const { refuseClones, structuredClone } = internal.web.clone;
const { console } = internal.web.console;
const { Crypto, crypto, SubtleCrypto } = internal.web.crypto;
const { DOMException } = internal.web.dom_exception;
const { TextDecoder, TextEncoder } = internal.web.encoding;
const { CustomEvent, Event, EventTarget } = internal.web.events;
const { queueMicrotask } = internal.web.microtask;
const { Navigator, navigator } = internal.web.navigator;
const { Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure } = internal.web.performance;
const { reportError } = internal.web.report_error;
const { clearInterval, clearTimeout, setInterval, setTimeout } = internal.web.timers;
const { URL } = internal.web.url;
const { URLSearchParams } = internal.web.url_search_params;

const { defineProperty } = objects;

// Classes are not enumerable, functions and objects are: as Web IDL says and `Object.keys(globalThis)` shows.
function put(values, enumerable) {
  const names = objects.keys(values);
  for (let index = 0; index < names.length; index++) {
    const descriptor = { __proto__: null, value: values[names[index]], writable: true, enumerable, configurable: true };
    defineProperty(globalThis, names[index], descriptor);
  }
}

put({
  AbortController, AbortSignal, Crypto, CustomEvent, DOMException, Event, EventTarget, Navigator, Performance, PerformanceEntry,
  PerformanceMark, PerformanceMeasure, SubtleCrypto, TextDecoder, TextEncoder, URL, URLSearchParams,
}, false);
put({
  atob, btoa, clearInterval, clearTimeout, crypto, navigator, performance, queueMicrotask, reportError, self: globalThis, setInterval, setTimeout,
  structuredClone,
}, true);
// As everywhere, the console alone is not enumerable.
put({ console }, false);

internal.inspect = internal.web.inspect.inspect;
