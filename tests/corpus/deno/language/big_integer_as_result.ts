export function run() {
  return { big: 1n };
}
