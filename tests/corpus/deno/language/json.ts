export function run() {
  const reviver = (key: string, value: any) => key === "date" ? new Date(value).getTime() : value;
  const object: any = { b: 1, a: [undefined, () => 1, Symbol("s"), NaN, -0], c: undefined, toJSON: undefined, nested: { toJSON: (key: string) => `was ${key}` }, 2: "two", 1: "one" };
  const circular: any = {};
  circular.self = circular;
  const caught = (act: () => unknown) => { try { return act(); } catch (error: any) { return error.name; } };
  return [
    JSON.stringify(object), JSON.stringify(object, ["a", "b"]), JSON.stringify({ x: [1, { y: 2 }], z: [] }, null, 2), JSON.stringify([1], null, "--"), JSON.parse('{"date":"1970-01-01T00:00:01Z","n":1}', reviver), caught(() => JSON.stringify(circular)),
    caught(() => JSON.parse("{a:1}")), caught(() => JSON.parse("")), JSON.stringify("\u2028\ud800\"\u0007"), JSON.parse('{"__proto__":1}').__proto__, JSON.stringify(undefined) ?? "undefined", JSON.stringify(null), JSON.parse(" [1 , 2 ] "), JSON.parse("1e3"), JSON.stringify({ d: new Date(0), m: new Map([[1, 2]]), s: new Set([1]), e: new Error("x") }), JSON.stringify(Object("boxed")),
  ];
}
