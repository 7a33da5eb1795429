// throws: exact
export async function run() {
  reportError(new TypeError("reported"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  return "not reached";
}
