// Puts the platform where scripts find it.

import { objects, toStringTag } from "./primordials.js";
import { AbortController, AbortSignal } from "./abort.js";
import { atob, btoa } from "./base64.js";
import { refuseClones, structuredClone } from "./clone.js";
import { console } from "./console.js";
import { Crypto, crypto, SubtleCrypto } from "./crypto.js";
import { DOMException } from "./dom_exception.js";
import { TextDecoder, TextEncoder } from "./encoding.js";
import { CustomEvent, Event, EventTarget } from "./events.js";
import { queueMicrotask } from "./microtask.js";
import { Navigator, navigator } from "./navigator.js";
import { Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure } from "./performance.js";
import { reportError } from "./report_error.js";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "./timers.js";
import { URL } from "./url.js";
import { URLSearchParams } from "./url_search_params.js";

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
