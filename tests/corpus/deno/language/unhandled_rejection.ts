// throws: exact
export async function run() {
  Promise.reject(new SyntaxError("nobody catches this"));
  await new Promise((resolve) => setTimeout(resolve, 10));
  return "not reached";
}
