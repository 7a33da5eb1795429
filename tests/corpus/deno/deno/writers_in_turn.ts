export async function run() {
  let turn = Promise.resolve();
  const add = (line: string) => (turn = turn.then(() => Deno.writeTextFile("log", `${line}\n`, { append: true })));
  await Promise.all(Array.from({ length: 20 }, (_, index) => add(`line ${index}`)));
  return (await Deno.readTextFile("log")).split("\n").length;
}
