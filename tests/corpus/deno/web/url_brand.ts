// The class has the shape of a platform's class.
export function run() {
  const caught = (f) => { try { return f(); } catch (error) { return error.name; } };
  return [
    caught(() => URL("http://a")), caught(() => URL.prototype.href), caught(() => URLSearchParams.prototype.append.call({}, 1, 2)), caught(() => new URLSearchParams([["a"]])),
    Object.prototype.toString.call(new URL("http://a")), URL.name, URL.length, Object.keys(new URL("http://a")), Object.getOwnPropertyDescriptor(globalThis, "URL").enumerable,
    Object.getOwnPropertyDescriptor(URL.prototype, "href").enumerable, caught(() => new URL()), caught(() => new URL(Symbol())), typeof URL.prototype.toJSON,
  ];
}
