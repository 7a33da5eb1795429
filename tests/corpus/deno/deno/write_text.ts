// file: old.txt = "a longer text that was here"
export async function run() {
  const answers = [await Deno.writeTextFile("new.txt", "new\n"), await Deno.writeTextFile("old.txt", "short")];
  return answers.map((answer) => answer === undefined);
}
