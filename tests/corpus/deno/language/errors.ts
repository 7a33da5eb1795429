class Custom extends Error {
  override name = "Custom";
  constructor(message: string, readonly detail: number, options?: ErrorOptions) { super(message, options); }
}
class Unnamed extends RangeError {}
export function run() {
  const error = new Custom("what", 5, { cause: new Unnamed("deep") });
  const caught = (act: () => unknown) => { try { return act(); } catch (error: any) { return `${error.name}`; } };
  const order: string[] = [];
  const result = (() => { try { order.push("try"); return "try"; } finally { order.push("finally"); } })();
  return [
    `${error}`, error.detail, (error.cause as Error).name, (error.cause as Error).constructor.name, error instanceof Custom, typeof error.stack,
    caught(() => (null as any).x), caught(() => (undefined as any)()), caught(() => eval("][")), caught(() => new Array(-1)),
    caught(() => { (globalThis as any).nowhere.x; }), caught(() => decodeURIComponent("%")), caught(() => { throw new AggregateError([1], "many"); }),
    caught(() => { "use strict"; Object.freeze([1]).push(2); }), result, order, Error("no new").message, Object.keys(error),
  ];
}
