// file: src/main.ts = "1"
// file: src/lib/parse.ts = "22"
// file: src/lib/deep/x.ts = "333"
// file: note.md = "4444"
export async function run() {
  async function* walk(path: string): AsyncGenerator<string> {
    for await (const entry of Deno.readDir(path)) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory) yield* walk(below);
      else yield below;
    }
  }
  const found: Record<string, number> = {};
  for await (const file of walk(".")) found[file] = (await Deno.stat(file)).size;
  return found;
}
