// A class is lost, private fields and getters' homes too; accessors are read; symbols are left out.
export function run() {
  class Point { #p = 1; constructor() { this.x = 1; } get y() { return 2; } }
  const copy = structuredClone(new Point());
  const withGetter = structuredClone({ get a() { return [1]; }, [Symbol("s")]: 1 });
  class Special extends Error { name = "Special"; extra = 1; }
  const error = structuredClone(new Special("m"));
  return [copy.constructor === Object, copy.x, copy.y, withGetter, Object.getOwnPropertySymbols(withGetter).length, error.name, error.constructor === Error, error.message, error.extra,
    Object.getPrototypeOf(structuredClone(Object.create(null))) === Object.prototype, structuredClone(Object.assign([1], { more: 2 })).more];
}
