// throws: exact
export async function run() {
  Deno.readTextFile("nobody-waits");
  await new Promise((resolve) => setTimeout(resolve, 20));
  return "not reached";
}
