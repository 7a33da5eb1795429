// file: old = "old"
export async function run() {
  const before = (await Deno.stat("old")).mtime!.getTime();
  await Deno.writeTextFile("old", "new");
  const after = (await Deno.stat("old")).mtime!.getTime();
  return [after >= before, Number.isInteger(after), Math.abs(after - Date.now()) < 60_000];
}
