export function run() {
  const map = new Map<unknown, number>([[NaN, 1], [0, 2], ["0", 3]]);
  map.set(-0, 4);
  const set = new Set([3, 1, 2]);
  const seen: number[] = [];
  for (const value of set) { seen.push(value); if (value === 1) { set.delete(2); set.add(9); } }
  const weak = new WeakMap([[map, "w"]]);
  return [
    [...map], map.get(NaN), seen, [...new Set([1, 2, 3]).intersection(new Set([2, 3, 4]))], [...new Set([1]).union(new Set([2]))], new Set([1]).isSubsetOf(new Set([1, 2])), Object.groupBy([1, 2, 3], (n) => n % 2 ? "odd" : "even"),
    [...Map.groupBy(["a", "bb", "c"], (s) => s.length)], weak.get(map), [...map.keys()].length, Object.fromEntries(new Map([["k", 1]])), new WeakRef(map).deref() === map,
  ];
}
