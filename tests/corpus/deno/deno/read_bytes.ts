// bytes: all.bin = 00017f80c3a9ff0a0d00
export async function run() {
  const bytes = await Deno.readFile("all.bin");
  return [bytes instanceof Uint8Array, bytes.constructor.name, bytes.length, [...bytes], bytes.buffer.byteLength];
}
