export function run() {
  return [Deno.inspect({ a: 1, b: ["x", null], c: { d: undefined } }), Deno.inspect("text"), Deno.inspect([1, 2, 3]), Deno.inspect(new Map([["k", 1]]))];
}
