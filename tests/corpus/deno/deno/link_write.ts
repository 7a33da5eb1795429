// file: real.txt = "old"
// link: link -> real.txt
export async function run() {
  await Deno.writeTextFile("link", "new");
  await Deno.writeTextFile("link", "er", { append: true });
  return await Deno.readTextFile("real.txt");
}
