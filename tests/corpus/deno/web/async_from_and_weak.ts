export async function run() {
  async function* gen() { yield 1; yield Promise.resolve(2); yield 3; }
  const held = { a: 1 };
  const weak = new WeakRef(held);
  const registry = new FinalizationRegistry(() => {});
  registry.register({}, 1);
  return [await Array.fromAsync(gen(), (x) => x * 2), await Array.fromAsync([Promise.resolve("a"), "b"]), weak.deref() === held, Object.groupBy([1, 2, 3], (x) => (x % 2 ? "odd" : "even")), [3, 1, 2].toSorted(), [1, 2].with(0, 9), Iterator.from([1, 2, 3]).map((x) => x + 1).toArray(),
    new Set([1, 2]).union(new Set([3])).size, await Promise.any([Promise.reject(1), Promise.resolve(2)]), await Promise.any([Promise.reject(1)]).catch((e) => [e.name, e.errors]), typeof Promise.withResolvers().resolve, structuredClone(new AggregateError([], "m")).message,
    new Error("a", { cause: { b: 1 } }).cause, await Promise.try(() => 4), [1, [2, [3]]].flat(Infinity), "ab".at(-1), Object.fromEntries(new Map([["k", 1]]))];
}
