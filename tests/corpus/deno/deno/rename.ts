// file: a = "a"
// file: b = "b"
// file: folder/inside = "i"
export async function run() {
  await Deno.rename("a", "folder/a");
  await Deno.rename("folder/a", "b");
  await Deno.rename("folder", "moved");
  Deno.renameSync("moved/inside", "inside");
}
