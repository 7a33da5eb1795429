interface Keyed<K extends string | number, V = unknown> { key: K; value: V }
class Table<K extends string, V> {
  #rows = new Map<K, V>();
  add<T extends V>(row: Keyed<K, T>): this { this.#rows.set(row.key, row.value); return this; }
  map<U>(change: (value: V, key: K) => U): U[] { return [...this.#rows].map(([key, value]) => change(value, key)); }
}
const identity = <T,>(value: T): T => value;
function first<const T extends readonly unknown[]>(list: T): T[0] { return list[0]; }
type Unwrap<T> = T extends Promise<infer U> ? U : T;
export async function run() {
  const table = new Table<"a" | "b", number>().add({ key: "a", value: 1 }).add({ key: "b", value: 2 });
  const text: Unwrap<Promise<string>> = await Promise.resolve<string>("x");
  return [table.map<string>((value, key) => `${key}${value}`), identity<number>(3), first(["p", "q"]), text, Array<number>(2).fill(7), new Set<string>(["s"]).size];
}
