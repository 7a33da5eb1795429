// Arguments are handed on; what is odd about a delay is 1 ms.
export async function run() {
  const seen = [];
  setTimeout((...rest) => seen.push(rest), 0, 1, "two", [3]);
  setTimeout(() => seen.push("negative"), -5);
  setTimeout(() => seen.push("NaN"), NaN);
  setTimeout(() => seen.push("text"), "2");
  setTimeout(() => seen.push("never cleared"), undefined);
  await new Promise((resolve) => setTimeout(resolve, 10));
  return seen;
}
