// file: a/note.txt = "one\ntwo\n"
// file: empty = ""
export async function run() {
  return [await Deno.readTextFile("a/note.txt"), await Deno.readTextFile("./a/../a//note.txt"), await Deno.readTextFile("empty")];
}
