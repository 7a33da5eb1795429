// bytes: bad.txt = 41ff42c3284380e282
// bytes: mark.txt = efbbbf6869
export async function run() {
  const bad = await Deno.readTextFile("bad.txt");
  const mark = await Deno.readTextFile("mark.txt");
  return [[...bad].map((c) => c.codePointAt(0)), mark.length, mark.charCodeAt(0)];
}
