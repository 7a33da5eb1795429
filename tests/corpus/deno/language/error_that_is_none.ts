export function run() {
  throw "a string";
}
