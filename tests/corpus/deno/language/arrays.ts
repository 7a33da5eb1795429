export function run() {
  const list = [5, 1, 4];
  return [
    list.toSorted(), list.toReversed(), list.toSpliced(1, 1, 8, 9), list.with(-1, 0), list.at(-1), list.findLast((n) => n > 3), list.flatMap((n) => [n, n]), [[1, [2, [3]]]].flat(Infinity), Array.from("abc", (c, i) => c + i), [3, 2, 1, 10].sort(), [1, , 3].length, 1 in [1, , 3],
    [..."ab"].entries().toArray(), list.includes(NaN), [NaN].includes(NaN), [NaN].indexOf(NaN), [1, 2, 3].copyWithin(0, 1), Array.isArray(list), list.reduceRight((a, b) => `${a}${b}`, ""), Array.of(7), [1, 2, 3, 4].fill(0, 1, 3), ["b", "a"].sort((x, y) => x < y ? -1 : 1), [1, [2]].toString(), new Array(3).join("-"), list.concat([[6]] as any), [0, 1].lastIndexOf(1),
    Array.from({ length: 1000 }, (_, i) => ({ i, key: i % 3 })).sort((x, y) => x.key - y.key).slice(0, 3).map((x) => x.i),
  ];
}
