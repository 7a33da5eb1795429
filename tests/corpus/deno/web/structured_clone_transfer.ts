export function run() {
  const buffer = new Uint8Array([1, 2, 3]).buffer;
  const view = new Uint8Array(buffer);
  const copy = structuredClone({ view }, { transfer: [buffer] });
  let again;
  try { structuredClone(buffer, { transfer: [buffer] }); } catch (error) { again = error.name; }
  return [[...copy.view], buffer.byteLength, view.length, buffer.detached, again];
}
