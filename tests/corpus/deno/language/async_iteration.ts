async function* ticks(count: number) {
  for (let at = 0; at < count; at += 1) {
    await null;
    yield at;
  }
}
export async function run() {
  const seen: unknown[] = [];
  for await (const tick of ticks(3)) seen.push(tick);
  for await (const value of [Promise.resolve("p"), "plain"]) seen.push(value);
  const own = { async *[Symbol.asyncIterator]() { yield* ticks(2); return 9; } };
  for await (const value of own) seen.push(value);
  const queue = ticks(5);
  seen.push(await Promise.all([queue.next(), queue.next(), queue.return(undefined), queue.next()]));
  seen.push(await Array.fromAsync(ticks(3), (tick) => tick * 10));
  try {
    for await (const _ of [Promise.reject(new Error("within"))]);
  } catch (error: any) {
    seen.push(error.message);
  }
  return seen;
}
