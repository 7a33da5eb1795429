// file: file = "x"
// file: full/inside = "y"
// dir: empty
export async function run() {
  await Deno.remove("file");
  await Deno.remove("empty");
  await Deno.remove("full", { recursive: true });
  Deno.writeTextFileSync("again", "");
  Deno.removeSync("again");
  return await Array.fromAsync(Deno.readDir("."));
}
