// dir: folder
export async function run() {
  const infos = [await Deno.stat("folder"), await Deno.lstat("folder"), Deno.statSync("."), Deno.lstatSync("folder/..")];
  return infos.map((info) => [info.isFile, info.isDirectory, info.isSymlink]);
}
