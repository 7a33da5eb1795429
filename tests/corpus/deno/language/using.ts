export async function run() {
  const order: string[] = [];
  const resource = (name: string) => ({ [Symbol.dispose]() { order.push(`closed ${name}`); } });
  {
    using first = resource("first");
    using second = resource("second");
    order.push("inside", typeof first, typeof second);
  }
  return order;
}
