function* naturals() { for (let n = 0; ; n += 1) yield n; }
export function run() {
  const firsts = naturals().filter((n) => n % 3 === 0).map((n) => n * n).drop(1).take(3).toArray();
  return [firsts, naturals().some((n) => n > 5), naturals().take(4).reduce((a, b) => a + b), naturals().take(2).flatMap((n) => [n, -n]).toArray(), naturals().find((n) => n > 2), Iterator.from({ next: () => ({ done: true, value: 1 }) }).toArray()];
}
