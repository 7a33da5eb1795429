// file: from.txt = "content"
// file: old.txt = "something longer than that"
// link: link -> from.txt
export async function run() {
  await Deno.copyFile("from.txt", "to.txt");
  await Deno.copyFile("from.txt", "old.txt");
  await Deno.copyFile("link", "of-link.txt");
  Deno.copyFileSync("to.txt", "sync.txt");
  return (await Deno.lstat("of-link.txt")).isSymlink;
}
