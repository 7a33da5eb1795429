// What a script overwrites of the language, the platform does not use.
export async function run() {
  const { push, shift, slice, join } = Array.prototype;
  const { then } = Promise.prototype;
  const { get, set, has } = Map.prototype;
  const { charCodeAt, replace, indexOf } = String.prototype;
  const { call, apply } = Function.prototype;
  const broken = () => { throw new Error("tampered"); };
  let result;
  try {
    Array.prototype.push = Array.prototype.shift = Array.prototype.slice = Array.prototype.join = broken;
    Map.prototype.get = Map.prototype.set = Map.prototype.has = broken;
    String.prototype.charCodeAt = String.prototype.indexOf = String.prototype.replace = broken;
    Function.prototype.call = Function.prototype.apply = broken;
    const url = new URL("http://a/?x=1");
    url.searchParams.append("y", "2");
    result = { href: url.href, base64: btoa("abc") + atob("YWJj"), clone: structuredClone({ a: { b: 1 } }), text: new TextDecoder().decode(new TextEncoder().encode("ä")) };
    const target = new EventTarget();
    target.addEventListener("x", () => { result.event = true; });
    target.dispatchEvent(new Event("x"));
  } finally {
    Object.assign(Array.prototype, { push, shift, slice, join });
    Object.assign(Map.prototype, { get, set, has });
    Object.assign(String.prototype, { charCodeAt, replace, indexOf });
    Object.assign(Function.prototype, { call, apply });
  }
  Promise.prototype.then = broken;
  await null;
  Promise.prototype.then = then;
  return result;
}
