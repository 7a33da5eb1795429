// args: {"path": "note.txt", "times": 3}
// file: note.txt = "ab"
interface Arguments {
  path: string;
  times: number;
}
export async function run({ path, times }: Arguments) {
  return (await Deno.readTextFile(path)).repeat(times);
}
