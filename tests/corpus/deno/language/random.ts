export function run() {
  const numbers = Array.from({ length: 200 }, () => Math.random());
  return [numbers.every((n) => n >= 0 && n < 1), new Set(numbers).size, numbers.some((n) => n < 0.5), numbers.some((n) => n >= 0.5)];
}
