export function run() {
  return { then(resolve: (value: unknown) => void) { resolve({ from: "then" }); } };
}
