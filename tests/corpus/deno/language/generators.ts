function* count(to: number): Generator<number, string, number | undefined> {
  let step = 1;
  for (let at = 0; at < to; at += step) step = (yield at) ?? 1;
  return "done";
}
function* both() { const result = yield* count(2); yield result; }
export function run() {
  const counter = count(10);
  const found: unknown[] = [counter.next(), counter.next(3), counter.return("early"), counter.next(), [...both()]];
  const closing: string[] = [];
  function* careful() { try { yield 1; yield 2; } finally { closing.push("closed"); } }
  for (const _ of careful()) break;
  const [one] = careful();
  const thrower = careful();
  thrower.next();
  try { thrower.throw(new RangeError("in")); } catch (error: any) { found.push(error.message); }
  return [...found, closing, one, count(5).map((value) => value * 2).filter((value) => value > 2).toArray()];
}
