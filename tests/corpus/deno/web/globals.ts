// What is there, and how it stands on the global object.
export function run() {
  const names = ["AbortController", "AbortSignal", "CustomEvent", "DOMException", "Event", "EventTarget", "TextDecoder", "TextEncoder", "URL", "URLSearchParams", "Performance"];
  const functions = ["atob", "btoa", "clearInterval", "clearTimeout", "queueMicrotask", "setInterval", "setTimeout", "structuredClone", "reportError"];
  return [
    names.map((name) => `${name} ${typeof globalThis[name]} ${Object.getOwnPropertyDescriptor(globalThis, name).enumerable} ${globalThis[name].name}`),
    functions.map((name) => `${name} ${typeof globalThis[name]} ${globalThis[name].name} ${Object.keys(globalThis).includes(name)}`),
    self === globalThis, typeof navigator.userAgent, typeof crypto.subtle, Object.prototype.toString.call(performance),
  ];
}
