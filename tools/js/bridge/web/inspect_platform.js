// How the platform's own objects are shown by `console`.

const { describeInterface } = internal.web.inspect;
const { uncurryThis, objects, list, join, strings } = internal.web.primordials;
const { AbortController, AbortSignal } = internal.web.abort;
const { isDOMException } = internal.web.dom_exception;
const { TextDecoder, TextEncoder } = internal.web.encoding;
const { CustomEvent, Event } = internal.web.events;
const { Performance, PerformanceMark, PerformanceMeasure } = internal.web.performance;
const { URL } = internal.web.url;
const { URLSearchParams } = internal.web.url_search_params;
const { Blob } = internal.web.blob;
const { Headers, isHeaders } = internal.web.headers;
const { keyText } = internal.web.inspect_layout;
const { Request, Response } = internal.web.response;

const isPrototypeOf = uncurryThis(Object.prototype.isPrototypeOf);

// Shows the named attributes; one that throws means that the object only inherits from the class, and it is shown as any other.
function attributes(constructor, names) {
  const { prototype } = constructor;
  const getters = list();
  for (let index = 0; index < names.length; index++) {
    let object = prototype;
    while (!objects.hasOwn(object, names[index])) object = objects.getPrototypeOf(object);
    getters[index] = uncurryThis(objects.getOwnPropertyDescriptor(object, names[index]).get);
  }
  describeInterface(
    (value) => {
      if (!isPrototypeOf(prototype, value)) return false;
      try {
        getters[0](value);
        return true;
      } catch {
        return false;
      }
    },
    (value) => {
      const shown = {};
      for (let index = 0; index < names.length; index++) shown[names[index]] = getters[index](value);
      return shown;
    },
  );
}

const EVENT = [
  "bubbles", "cancelable", "composed", "currentTarget", "defaultPrevented", "eventPhase", "srcElement", "target", "returnValue", "timeStamp", "type",
];
attributes(URL, ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "hash", "search"]);
attributes(CustomEvent, [...EVENT, "detail"]);
attributes(Event, EVENT);
attributes(AbortController, ["signal"]);
attributes(AbortSignal, ["aborted", "reason", "onabort"]);
attributes(TextEncoder, ["encoding"]);
attributes(TextDecoder, ["encoding", "fatal", "ignoreBOM"]);
attributes(Performance, ["timeOrigin"]);
attributes(PerformanceMark, ["name", "entryType", "startTime", "duration", "detail"]);
attributes(PerformanceMeasure, ["name", "entryType", "startTime", "duration", "detail"]);

attributes(Blob, ["size", "type"]);
attributes(Request, ["bodyUsed", "headers", "method", "redirect", "url"]);
attributes(Response, ["bodyUsed", "headers", "ok", "redirected", "status", "statusText", "url"]);

const headerPairs = uncurryThis(Headers.prototype.forEach);
describeInterface(isHeaders, (value, show) => {
  const pairs = list();
  headerPairs(value, (each, name) => (pairs[pairs.length] = `${keyText(name)}: ${show(each)}`));
  return pairs.length === 0 ? "Headers {}" : `Headers { ${join(pairs, ", ")} }`;
});

// Pairs as `{ "name" => "value" }`.
const forEach = uncurryThis(URLSearchParams.prototype.forEach);
const isParams = uncurryThis(objects.getOwnPropertyDescriptor(URLSearchParams.prototype, "size").get);
describeInterface(
  (value) => {
    try {
      isParams(value);
      return true;
    } catch {
      return false;
    }
  },
  (value, show) => {
    const pairs = list();
    forEach(value, (each, name) => (pairs[pairs.length] = `${show(name)} => ${show(each)}`));
    return pairs.length === 0 ? "URLSearchParams {}" : `URLSearchParams { ${join(pairs, ", ")} }`;
  },
);

describeInterface(isDOMException, (value) => {
  const header = value.message === "" ? value.name : `${value.name}: ${value.message}`;
  const stack = typeof value.stack === "string" ? strings.trimEnd(value.stack) : "";
  const at = strings.startsWith(strings.trimStart(stack), "at ") ? 0 : strings.indexOf(stack, "\n    at ") + 1;
  return stack === "" ? header : `${header}\n${strings.slice(stack, at)}`;
});
