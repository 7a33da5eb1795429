export function fail(value: number): never {
  throw new RangeError(`not ${value}`);
}
