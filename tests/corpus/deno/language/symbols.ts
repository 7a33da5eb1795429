export function run() {
  const own = Symbol("own");
  class Even { static [Symbol.hasInstance](value: unknown) { return (value as number) % 2 === 0; } }
  const money = { [Symbol.toPrimitive]: (hint: string) => hint === "number" ? 5 : hint, [own]: 1, [Symbol.toStringTag]: "Money" };
  return [own.toString(), own.description, Symbol.for("k") === Symbol.for("k"), Symbol.keyFor(Symbol.for("k")), 4 as any instanceof Even, +(money as any), `${money}`, (money as any) + "", Object.prototype.toString.call(money), Object.getOwnPropertySymbols(money).length, JSON.stringify(money), [..."ab"[Symbol.iterator]()], typeof Symbol.asyncIterator];
}
