export function run() {
  const bare = Object.create(null);
  bare.key = 1;
  class Shown { hidden = 1; toJSON() { return { shown: this.hidden + 1 }; } }
  return [undefined, null, NaN, Infinity, -0, "", [], {}, bare, new Shown(), new Date(0), [, 1], { skip: undefined, f() {} }, new Map([[1, 2]]), Object(1), /r/, new Uint8Array([1, 2])];
}
