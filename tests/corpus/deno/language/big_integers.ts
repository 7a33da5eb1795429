export function run() {
  const big = 2n ** 100n;
  const caught = (act: () => unknown) => { try { return `${act()}`; } catch (error: any) { return error.name; } };
  return [
    `${big}`, `${-7n / 2n}`, `${-7n % 2n}`, BigInt("0xff").toString(2), `${BigInt.asUintN(8, -1n)}`, `${BigInt.asIntN(8, 255n)}`, 1n < 2, 2n == 2 as any, typeof big, `${5n << 70n}`,
    `${~5n}`, caught(() => (1n as any) + 1), caught(() => BigInt(1.5)), caught(() => JSON.stringify({ big })), caught(() => 1n / 0n), caught(() => BigInt("x")), Number(big), [3n, 1n, 2n].sort().map(String), `${1_000_000n}`,
    JSON.stringify({ big }, (_, value) => typeof value === "bigint" ? `${value}n` : value),
  ];
}
