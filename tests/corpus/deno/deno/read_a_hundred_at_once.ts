export async function run() {
  const names = Array.from({ length: 100 }, (_, index) => `part${index}.txt`);
  await Promise.all(names.map((name, index) => Deno.writeTextFile(name, `${index * index}`)));
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(name)));
  await Promise.all(names.map((name) => Deno.remove(name)));
  return texts.map(Number).reduce((sum, value) => sum + value, 0);
}
