var hoisted = typeof late;
var late = 1;
export function run() {
  const made: (() => number)[] = [];
  for (let index = 0; index < 3; index += 1) made.push(() => index);
  const loose: (() => number)[] = [];
  for (var shared = 0; shared < 3; shared += 1) loose.push(() => shared);
  outer: for (const a of [1, 2, 3]) { for (const b of [1, 2]) { if (b === 2) continue outer; if (a === 3) break outer; } }
  const dead = (() => { try { return early; } catch (error: any) { return error.name; } finally { let early = 1; void early; } const early = 2; })();
  const that = (function (this: unknown) { return this === undefined; })();
  label: { if (that) break label; }
  return [made.map((f) => f()), loose.map((f) => f()), dead, that, hoisted, typeof (function named() { return named; })(), ((a: number, b = a + 1, ...c: number[]) => [a, b, c])(1), (() => {}).length, run.name];
}
