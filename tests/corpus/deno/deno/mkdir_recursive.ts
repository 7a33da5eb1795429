// dir: there
// link: linked -> there
export async function run() {
  await Deno.mkdir("a/b/c/d", { recursive: true });
  await Deno.mkdir("a/b/c/d", { recursive: true });
  await Deno.mkdir("there", { recursive: true });
  await Deno.mkdir("linked", { recursive: true });
  await Deno.mkdir("linked/inside/", { recursive: true });
  Deno.mkdirSync("./a/../x/y", { recursive: true });
}
