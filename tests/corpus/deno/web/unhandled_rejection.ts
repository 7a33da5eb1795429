// throws: exact
export async function run() {
  Promise.reject(new TypeError("nobody looks"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  return "not reached";
}
