// throws: exact
// file: file = "x"
export async function run() {
  await Deno.mkdir("file");
}
