export function run() {
  const buffer = new ArrayBuffer(16, { maxByteLength: 32 });
  const view = new DataView(buffer);
  view.setUint32(0, 0xdeadbeef);
  view.setFloat64(8, -1.5, true);
  const bytes = new Uint8Array(buffer);
  const clamped = Uint8ClampedArray.from([-5, 300, 1.5, 2.5, NaN]);
  const wrapped = new Int8Array([127, 128, 255, -129, 1.9]);
  const big = new BigInt64Array([-1n, 2n ** 63n]);
  buffer.resize(20);
  const shared = bytes.subarray(2, 4);
  shared[0] = 7;
  return [
    [...bytes], view.getInt16(0), view.getUint16(0, true), [...clamped], [...wrapped], [...big].map(String), buffer.byteLength, bytes[2],
    [...new Float32Array([0.1])], [...Uint8Array.of(3, 1, 2).toSorted()], [...new Uint16Array([1, 2, 3]).with(1, 9)], bytes.indexOf(7),
    Object.prototype.toString.call(bytes), [...new Uint8Array([1, 2, 3, 4]).copyWithin(0, 2)], ArrayBuffer.isView(view), bytes.at(-1),
    buffer.slice(0, 2).byteLength, new Uint8Array(buffer.transfer()).length, buffer.detached,
  ];
}
