export async function run() {
  await Deno.writeTextFile("text", "a\ud800b\u{1f600}c");
  return [...await Deno.readFile("text")];
}
