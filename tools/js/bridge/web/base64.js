// atob and btoa (https://infra.spec.whatwg.org/#forgiving-base64-decode).

const { Bytes, regexps, strings, stringStatics, uncurryThis } = internal.web.primordials;
const { required } = internal.web.interface;
const { DOMException } = internal.web.dom_exception;

const toBase64 = uncurryThis(Uint8Array.prototype.toBase64);
const fromBase64 = uncurryThis(Uint8Array.fromBase64);
const SPACE = /[\t\n\f\r ]/;
const { fromCharCode } = stringStatics;

function btoa(data) {
  required(arguments.length, 1, "btoa");
  const text = `${data}`;
  const bytes = new Bytes(text.length);
  for (let index = 0; index < text.length; index++) {
    const unit = strings.charCodeAt(text, index);
    if (unit > 0xff) {
      throw new DOMException("Cannot encode string: string contains characters outside of the Latin1 range", "InvalidCharacterError");
    }
    bytes[index] = unit;
  }
  return toBase64(bytes);
}

function atob(data) {
  required(arguments.length, 1, "atob");
  let text = withoutSpace(`${data}`);
  if (text.length % 4 === 0 && strings.endsWith(text, "==")) text = strings.slice(text, 0, -2);
  else if (text.length % 4 === 0 && strings.endsWith(text, "=")) text = strings.slice(text, 0, -1);
  let bytes;
  try {
    if (strings.includes(text, "=")) throw undefined;
    bytes = fromBase64(Bytes, text);
  } catch {
    throw new DOMException("Failed to decode base64", "InvalidCharacterError");
  }
  let result = "";
  for (let index = 0; index < bytes.length; index++) result += fromCharCode(bytes[index]);
  return result;
}

function withoutSpace(text) {
  if (regexps.exec(SPACE, text) === null) return text;
  let result = "";
  for (let index = 0; index < text.length; index++) {
    const unit = strings.charCodeAt(text, index);
    if (unit !== 9 && unit !== 10 && unit !== 12 && unit !== 13 && unit !== 32) result += text[index];
  }
  return result;
}

internal.web.base64 = { __proto__: null, btoa, atob };
