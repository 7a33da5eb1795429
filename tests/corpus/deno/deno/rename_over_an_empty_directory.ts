// file: full/inside = "y"
// dir: empty
export async function run() {
  await Deno.rename("full", "empty");
}
