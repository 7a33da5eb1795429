export function run() {
  const fails = (text) => { try { return JSON.parse(text); } catch (error) { return error.name; } };
  return [JSON.stringify({ a: undefined, b: () => 1, c: Symbol(), d: NaN, e: new Date(0), f: [undefined], g: "\ud800\u2028", h: -0, i: { toJSON: () => "own" } }), JSON.stringify({ a: [1, { b: 2 }], c: [] }, null, 2), JSON.stringify([1, 2], null, "--"),
    JSON.stringify({ a: 1, b: { a: 2, c: 3 } }, ["a", "b"]), JSON.stringify({ n: 5 }, (k, v) => (typeof v === "number" ? v * 2 : v)), JSON.parse('{"__proto__":1,"a":[1e3,-0.5,"\\u00e9\\n"]}', (k, v) => (v === 1000 ? "big" : v)).a, fails("{a:1}"), fails("[1,]"), fails(""), fails("01"), fails('"\t"')];
}
