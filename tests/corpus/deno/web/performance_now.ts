export async function run() {
  const a = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const b = performance.now();
  const origin = performance.timeOrigin;
  return [typeof a, a >= 0, b - a >= 4, Math.abs(origin + b - Date.now()) < 60000, Object.keys(performance.toJSON()).includes("timeOrigin")];
}
