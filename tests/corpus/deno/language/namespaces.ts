namespace Shapes {
  export const unit = 1;
  const hidden = 2;
  export namespace Round {
    export function area(radius: number) { return radius * radius * hidden; }
  }
  export class Square { constructor(readonly side: number) {} get area() { return this.side ** 2; } }
  let counter = 0;
  export function count() { counter += 1; return counter; }
}
namespace Shapes {
  export const twice = Shapes.unit * 2;
}
namespace Types { export interface Empty {} }
import Round = Shapes.Round;
export function run() {
  Shapes.count();
  Shapes.count();
  return [Shapes.unit, Shapes.twice, Round.area(3), new Shapes.Square(4).area, Shapes.count(), Object.keys(Shapes).sort(), typeof (globalThis as any).Types];
}
