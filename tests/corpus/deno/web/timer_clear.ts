// A timer that was cleared does not fire, also when another timer clears it; odd handles are ignored.
export async function run() {
  const seen = [];
  const first = setTimeout(() => seen.push("cleared"), 2);
  clearTimeout(first);
  clearTimeout(first);
  clearTimeout(undefined);
  clearTimeout(null);
  clearTimeout(123456);
  const second = setTimeout(() => seen.push("cleared by a timer"), 8);
  setTimeout(() => clearInterval(second), 2);
  const third = setTimeout(() => seen.push("by number"), 2);
  clearTimeout(Number(third));
  await new Promise((resolve) => setTimeout(resolve, 15));
  return seen;
}
