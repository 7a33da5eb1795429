class Base { constructor(protected readonly name: string) {} }
class Point extends Base {
  total = this.name.length;
  constructor(public x: number, private y = 2, readonly z?: number, plain = 9) {
    super("point");
    this.total += plain;
  }
  sum() { return this.x + this.y + (this.z ?? 0); }
}
export function run() {
  const point = new Point(1);
  return [point, point.sum(), new Point(1, 2, 3, 4).sum(), Object.keys(point)];
}
