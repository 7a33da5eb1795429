// file: there = "1"
export function run() {
  Deno.writeTextFileSync("there", "2", { append: true });
  Deno.writeFileSync("bytes", new Uint8Array([104, 105]));
  const failed: unknown[] = [];
  try {
    Deno.writeTextFileSync("there", "3", { createNew: true });
  } catch (error: any) {
    failed.push(error.name, error.message, error.code);
  }
  return [Deno.readTextFileSync("there"), Deno.readTextFileSync("bytes"), failed];
}
