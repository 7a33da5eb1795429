export function run() {
  const { a = 1, b: { c: [, second = 2, ...others] = [] as any[] } = {}, ...rest }: any = { b: { c: [1, undefined, 3, 4] }, d: 5, e: 6 };
  let x = 1, y = 2;
  [x, y] = [y, x];
  const named = ({ first, last = first }: { first: string; last?: string }) => `${first} ${last}`;
  const [head, ...tail] = "h\u{1f600}i";
  return [a, second, others, rest, x, y, named({ first: "A" }), head, tail];
}
