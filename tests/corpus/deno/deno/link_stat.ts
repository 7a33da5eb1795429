// file: real.txt = "12345"
// dir: sub
// link: link -> real.txt
// link: folder -> sub
export async function run() {
  const shown = (info: Deno.FileInfo) => [info.isFile, info.isDirectory, info.isSymlink];
  return [
    shown(await Deno.lstat("link")), shown(await Deno.stat("link")), (await Deno.stat("link")).size,
    shown(await Deno.lstat("folder")), shown(await Deno.stat("folder")),
  ];
}
