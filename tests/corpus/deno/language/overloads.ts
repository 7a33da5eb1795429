function pick(value: string): string;
function pick(value: number): number[];
function pick(value: string | number): string | number[] { return typeof value === "string" ? value.trim() : [value]; }
class Maker {
  make(): 0;
  make(count: number): number;
  make(count?: number) { return count ?? 0; }
}
export function run() {
  return [pick(" a "), pick(1), new Maker().make(), new Maker().make(5)];
}
