export function run(_: unknown) {
  return new RegExp("(unclosed");
}
