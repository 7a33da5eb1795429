// file: note.txt = "here"
// bytes: data.bin = 010203
export function run() {
  const found: unknown[] = [Deno.readTextFileSync("note.txt"), [...Deno.readFileSync("data.bin")]];
  try {
    Deno.readTextFileSync("nope");
  } catch (error: any) {
    found.push(error instanceof Deno.errors.NotFound, error.message);
  }
  return found;
}
