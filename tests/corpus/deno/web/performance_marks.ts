export function run() {
  performance.mark("b", { startTime: 5, detail: { x: [1] } });
  performance.mark("a", { startTime: 2 });
  const m = performance.measure("m", "a", "b");
  const n = performance.measure("n", { start: 1, duration: 4, detail: "d" });
  let failed;
  try { performance.measure("x", "nope"); } catch (error) { failed = `${error.name}: ${error.message}`; }
  const names = performance.getEntries().map((e) => `${e.entryType} ${e.name} ${e.startTime} ${e.duration}`);
  performance.clearMarks("a");
  return [m.duration, m.startTime, m instanceof PerformanceMeasure, n.detail, failed, names, performance.getEntriesByType("mark").map((e) => e.name), performance.getEntriesByName("b")[0].detail];
}
