// file: sub/kept.txt = "kept"
// link: folder -> sub
// link: gone -> sub/kept.txt
export async function run() {
  await Deno.remove("folder");
  await Deno.remove("gone", { recursive: true });
  return await Deno.readTextFile("sub/kept.txt");
}
