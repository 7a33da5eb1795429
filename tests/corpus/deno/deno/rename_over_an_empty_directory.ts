// differs: a directory takes no other's place here: it has to be removed first
// file: full/inside = "y"
// dir: empty
export async function run() {
  await Deno.rename("full", "empty");
}
