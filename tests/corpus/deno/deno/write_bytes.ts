export async function run() {
  const whole = new Uint8Array([0, 255, 10, 13, 128]);
  await Deno.writeFile("whole.bin", whole);
  await Deno.writeFile("part.bin", whole.subarray(1, 3));
  await Deno.writeFile("empty.bin", new Uint8Array());
  return [...await Deno.readFile("part.bin")];
}
