// file: one = "1"
// file: two/three = "3"
export function run() {
  const names = [...Deno.readDirSync(".")].map((entry) => `${entry.name}:${entry.isDirectory}`);
  return names.sort();
}
