export function run() {
  const base = { get double() { return (this as any).n * 2; }, set double(value: number) { (this as any).n = value / 2; } };
  const child: any = Object.create(base, { n: { value: 3, writable: true, enumerable: false } });
  child.double = 20;
  const frozen = Object.freeze({ inner: { changed: 0 } });
  frozen.inner.changed = 1;
  const failed = (() => { try { (frozen as any).x = 1; } catch (error: any) { return error.name; } })();
  return [child.n, child.double, Object.keys(child), frozen, failed, Object.getOwnPropertyDescriptor(base, "double")!.get!.name, Object.entries({ b: 1, a: 2 }), Object.assign({}, { a: 1 }, null, { b: 2 }), { ...[1, 2], ...Object("x") }, Object.is(NaN, NaN), structuredClone({ d: new Date(0) }).d.getTime()];
}
