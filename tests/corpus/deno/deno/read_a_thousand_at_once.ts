// file: one = "1"
// file: two = "22"
export async function run() {
  const texts = await Promise.all(Array.from({ length: 1000 }, (_, index) => Deno.readTextFile(index % 2 === 0 ? "one" : "two")));
  const odd = await Promise.allSettled(Array.from({ length: 1000 }, (_, index) => Deno.readTextFile(index % 10 === 0 ? "none" : "one")));
  const failed = odd.filter((one) => one.status === "rejected").map((one: any) => one.reason.name);
  return [texts.length, texts.join("").length, texts[0], texts[999], failed.length, [...new Set(failed)]];
}
