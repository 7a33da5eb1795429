// only: real Deno itself breaks when the iterator of arrays is replaced
export function run() {
  const iterator = Array.prototype[Symbol.iterator];
  Array.prototype[Symbol.iterator] = () => { throw new Error("tampered"); };
  Object.defineProperty(Array.prototype, 0, { set() { throw new Error("tampered"); }, configurable: true });
  try {
    const url = new URL("http://a/?x=1");
    url.searchParams.append("y", "2");
    const target = new EventTarget();
    let seen = 0;
    target.addEventListener("x", () => { seen += 1; });
    target.dispatchEvent(new Event("x"));
    console.log("fine", { a: 1 });
    if (url.href !== "http://a/?x=1&y=2" || seen !== 1 || structuredClone({ a: 1 }).a !== 1) throw new Error("not as before");
  } finally {
    Array.prototype[Symbol.iterator] = iterator;
    delete Array.prototype[0];
  }
}
