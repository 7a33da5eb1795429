// throws: exact
export function run() {
  throw new RangeError();
}
