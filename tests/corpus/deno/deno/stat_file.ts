// file: note.txt = "12345"
export async function run() {
  const info = await Deno.stat("note.txt");
  return [info.isFile, info.isDirectory, info.isSymlink, info.size, info.mtime instanceof Date, info.mtime! > new Date("2020-01-01"), Object.keys(info).slice(0, 5)];
}
