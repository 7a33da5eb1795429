export async function run() {
  const order: string[] = [];
  const resource = (name: string) => ({ async [Symbol.asyncDispose]() { order.push(`closed ${name}`); } });
  async function work(fails: boolean): Promise<string> {
    await using first = resource("first");
    using second: Disposable = { [Symbol.dispose]() { order.push("closed second"); if (fails) throw new Error("closing"); } };
    using none = null;
    if (fails) throw new Error(`working with ${typeof first} and ${none}`);
    return typeof second;
  }
  order.push(await work(false));
  const failure = await work(true).catch((error) => error);
  for (using one of [{ [Symbol.dispose]() { order.push("closed one"); } }]) order.push(typeof one);
  const stack = new DisposableStack();
  stack.defer(() => order.push("deferred"));
  stack.dispose();
  return [order, failure.name, failure.error.message, failure.suppressed.message];
}
