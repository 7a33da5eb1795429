// file: a = "read"
export async function run() {
  const timer = new Promise((resolve) => setTimeout(() => resolve("timer"), 5000));
  return await Promise.race([timer, Deno.readTextFile("a")]);
}
