// file: file = "x"
// dir: folder
export async function run() {
  await Deno.rename("file", "file");
  await Deno.rename("file", "./folder/../file");
  await Deno.mkdir("empty");
  await Deno.rename("empty", "empty");
  await Deno.rename("folder/../empty", "./empty/");
  await Deno.rename("folder", "folder");
  return [await Deno.readTextFile("file"), (await Deno.stat("empty")).isDirectory];
}
