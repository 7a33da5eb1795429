// file: real = "x"
// link: link -> real
export async function run() {
  await Deno.rename("link", "moved");
  return [(await Deno.lstat("moved")).isSymlink, await Deno.readTextFile("moved")];
}
