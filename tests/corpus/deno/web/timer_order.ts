// Timers fire by due time, then by creation; microtasks run between two timers.
export async function run() {
  const seen = [];
  setTimeout(() => {
    seen.push("zero");
    queueMicrotask(() => seen.push("micro of zero"));
    Promise.resolve().then(() => seen.push("then of zero"));
  });
  setTimeout(() => seen.push("one"), 1);
  setTimeout(() => seen.push("twelve"), 12);
  setTimeout(() => seen.push("six"), 6);
  setTimeout(() => seen.push("six again"), 6);
  queueMicrotask(() => seen.push("micro"));
  seen.push("sync");
  await new Promise((resolve) => setTimeout(resolve, 20));
  return seen;
}
