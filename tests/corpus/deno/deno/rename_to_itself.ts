// file: file = "x"
// dir: folder
export async function run() {
  await Deno.rename("file", "file");
  await Deno.rename("file", "./folder/../file");
  return await Deno.readTextFile("file");
}
