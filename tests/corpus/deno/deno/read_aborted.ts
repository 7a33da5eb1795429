// throws: exact
// file: note.txt = "here"
export async function run() {
  const controller = new AbortController();
  controller.abort();
  return await Deno.readTextFile("note.txt", { signal: controller.signal });
}
