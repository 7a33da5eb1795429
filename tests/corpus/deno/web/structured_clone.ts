export function run() {
  const source = {
    map: new Map([[{ k: 1 }, new Set([1, "x"])]]), date: new Date(86400000), regexp: /a(b)/giu, bytes: new Uint8Array([1, 2, 3]).subarray(1), floats: new Float64Array([0.5]),
    big: 12345678901234567890n, boxed: [new Number(1), new String("s"), new Boolean(false), Object(2n)], nothing: [null, undefined, NaN, -0, Infinity], holes: [1, , 3], error: new RangeError("e"),
  };
  source.self = source;
  source.again = source.map;
  const copy = structuredClone(source);
  return [
    copy !== source, copy.self === copy, copy.again === copy.map, [...copy.map.keys()][0], [...[...copy.map.values()][0]], copy.date.toISOString(), copy.date instanceof Date, String(copy.regexp),
    copy.regexp.lastIndex, [...copy.bytes], copy.bytes.byteOffset, copy.bytes.buffer.byteLength, [...copy.floats], String(copy.big), copy.boxed.map((b) => `${typeof b} ${b}`),
    copy.nothing.map((n) => Object.is(n, -0) ? "-0" : String(n)), 1 in copy.holes, copy.holes.length, copy.error instanceof RangeError, copy.error.message, Object.keys(copy),
  ];
}
