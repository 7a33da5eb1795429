// The body of a Request or a Response: bytes in memory, taken once. There are no streams.

const host = internal.web.host;
const { bytesOf, json, newPromise, typedArrays } = internal.web.primordials;
const { scalarString } = internal.web.interface;
const { Blob, bytesOfBlob } = internal.web.blob;
const { decodeText } = internal.web.encoding;
const { URLSearchParams } = internal.web.url_search_params;
const { notSupported } = internal.web.not_supported;

// What was given, as bytes and their type; `bytes` is undefined for no body.
function extracted(given) {
  if (given === undefined || given === null) return { __proto__: null, bytes: undefined, type: undefined };
  const blob = bytesOfBlob(given);
  if (blob !== undefined) return { __proto__: null, bytes: blob, type: given.type === "" ? undefined : given.type };
  const bytes = bytesOf(given);
  if (bytes !== undefined) return { __proto__: null, bytes: typedArrays.slice(bytes), type: undefined };
  const type = given instanceof URLSearchParams ? "application/x-www-form-urlencoded;charset=UTF-8" : "text/plain;charset=UTF-8";
  return { __proto__: null, bytes: host.encodeUtf8(scalarString(given)), type };
}

// The methods of both classes. `take(object)` marks the body used and answers `{ bytes, type }`; it throws if it was used.
function bodyMethods(take, state) {
  const consumed = (object, convert) => newPromise((resolve) => {
      const { bytes, type } = take(object);
      resolve(convert(bytes, type));
    });
  return {
    get body() {
      if (state(this).bytes === undefined) return null;
      throw notSupported("A body as a stream");
    },
    get bodyUsed() {
      return state(this).used;
    },
    arrayBuffer() {
      return consumed(this, (bytes) => typedArrays.get_buffer(typedArrays.slice(bytes)));
    },
    blob() {
      return consumed(this, (bytes, type) => new Blob([bytes], { type: type ?? "" }));
    },
    bytes() {
      return consumed(this, (bytes) => typedArrays.slice(bytes));
    },
    formData() {
      state(this);
      return newPromise(() => {
        throw notSupported("FormData");
      });
    },
    json() {
      return consumed(this, (bytes) => json.parse(decodeText(bytes)));
    },
    text() {
      // As Deno does, with the mark at the beginning if there is one.
      return consumed(this, (bytes) => host.decodeUtf8(bytes, false));
    },
  };
}

internal.web.body = { __proto__: null, extracted, bodyMethods };
