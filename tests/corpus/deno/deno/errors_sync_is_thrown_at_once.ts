export function run() {
  const order: string[] = [];
  try {
    Deno.readFileSync("nope");
    order.push("not reached");
  } catch {
    order.push("caught");
  }
  const promise = Deno.readFile("nope");
  order.push("after");
  return promise.catch(() => order.push("rejected")).then(() => order);
}
