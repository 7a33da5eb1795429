// Puts the platform where scripts find it.

const { answers, objects, uncurryThis } = internal.web.primordials;
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
const { Blob } = internal.web.blob;
const { Headers, isHeaders } = internal.web.headers;
const { fetch, Request, Response } = internal.web.response;

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
  AbortController, AbortSignal, Blob, Crypto, CustomEvent, DOMException, Event, EventTarget, Headers, Navigator, Performance,
  PerformanceEntry, PerformanceMark, PerformanceMeasure, Request, Response, SubtleCrypto, TextDecoder, TextEncoder, URL, URLSearchParams,
}, false);
put({
  atob, btoa, clearInterval, clearTimeout, crypto, fetch, navigator, performance, queueMicrotask, reportError, self: globalThis, setInterval, setTimeout,
  structuredClone,
}, true);
// As everywhere, the console alone is not enumerable.
put({ console }, false);

internal.inspect = internal.web.inspect.inspect;

// What stands for something that a copy would not be.
const notCopied = [[URL, "href"], [URLSearchParams, "size"], [Request, "url"], [Response, "status"]];
for (let index = 0; index < notCopied.length; index++) {
  const getter = uncurryThis(objects.getOwnPropertyDescriptor(notCopied[index][0].prototype, notCopied[index][1]).get);
  refuseClones((value) => answers(getter, value));
}
refuseClones(isHeaders);
