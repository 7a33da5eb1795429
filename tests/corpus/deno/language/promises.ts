export async function run() {
  const order: string[] = [];
  const say = (text: string) => () => { order.push(text); };
  Promise.resolve().then(say("one")).then(say("four"));
  queueMicrotask(say("two"));
  (async () => { await null; order.push("three"); })();
  order.push("zero");
  await new Promise((resolve) => setTimeout(resolve, 0));
  const { promise, resolve } = Promise.withResolvers<number>();
  resolve(7);
  const any = await Promise.any([Promise.reject(1), promise]);
  const none = await Promise.any([Promise.reject(new Error("x"))]).catch((error) => [error.name, error.errors.length]);
  const thenable = await { then(done: (value: string) => void) { done("thenable"); } };
  const settled = await Promise.allSettled([1, Promise.reject("no")]);
  const tried = await (Promise as any).try(() => { throw new TypeError("tried"); }).catch((error: Error) => error.message);
  return [order, any, none, thenable, settled, tried, await Promise.race([new Promise(() => {}), "first"])];
}
