// log: same
export function run() {
  console.log("text", 1, -0, 1n, true, null, undefined, Symbol("s"));
  console.log({ a: 1, "b-c": [1, [2, [3, [4, [5, [6]]]]]], f() {}, g: class A {}, h: class B extends Array {} });
  console.log(new Map([["k", { v: 1 }]]), new Set([1, "x"]), new Date(0), /re/g, [undefined, , 3], new Uint8Array(3), Object.create(null));
  console.log([new Map(), new Set(), {}, [], new (class Foo { x = 1; })(), new (class Empty {})(), function named() {}, () => {}, async () => {}, function* gen() {}]);
  console.log(["a'b", 'a"b', "line\nbreak", "\u0007"]);
  console.log([Promise.resolve(1), new Promise(() => {}), new WeakMap(), Object(1), Object("s"), new ArrayBuffer(2), { get a() { return 1; }, set b(v) {} }]);
  const circular = { name: "c" };
  circular.self = circular;
  console.log(circular);
  console.log(Array.from({ length: 120 }, (_, i) => i * i), Array.from({ length: 20 }, (_, i) => `item ${i}`));
  console.log({ one: "a long text that fills the line", two: "another long text that fills the line", three: "and one more" });
}
