export async function run() {
  const bytes = new Uint8Array([1, 2, 3]);
  const text = ["before"];
  const writing = Deno.writeTextFile("text", text[0]);
  text[0] = "after";
  await writing;
  await Deno.writeFile("bytes", bytes);
  bytes.fill(9);
  return [await Deno.readTextFile("text"), [...await Deno.readFile("bytes")]];
}
