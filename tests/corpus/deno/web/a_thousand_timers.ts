export async function run() {
  const order: number[] = [];
  const wait = (index: number) => new Promise<number>((resolve) => setTimeout(() => { order.push(index); resolve(index); }, index % 7));
  const all = await Promise.all(Array.from({ length: 1000 }, (_, index) => wait(index)));
  const ofSix = order.filter((index) => index % 7 === 6);
  return [all.length, all.every((value, index) => value === index), new Set(order).size, ofSix.every((index, at) => index === at * 7 + 6)];
}
