export async function run() {
  const size = 3 * 1024 * 1024 + 7;
  const bytes = new Uint8Array(size).map((_, index) => (index * 31) & 255);
  await Deno.writeFile("large.bin", bytes);
  const back = await Deno.readFile("large.bin");
  return [back.length, back.every((byte, index) => byte === bytes[index]), (await Deno.stat("large.bin")).size];
}
