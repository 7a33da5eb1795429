// file: sub/deeper/note.txt = "found"
export async function run() {
  const start = Deno.cwd();
  Deno.chdir("sub");
  const inSub = Deno.cwd() === `${start}/sub`;
  Deno.chdir("./deeper/");
  const text = await Deno.readTextFile("note.txt");
  await Deno.writeTextFile("../made.txt", "here");
  Deno.chdir("..");
  Deno.chdir("..");
  return [start.startsWith("/"), inSub, text, Deno.cwd() === start, await Deno.readTextFile(`${start}/sub/made.txt`)];
}
