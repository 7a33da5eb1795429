export async function run() {
  const [before, mark] = [Date.now(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 15));
  const [after, later] = [Date.now(), performance.now()];
  return [after - before >= 13, later - mark >= 13, after - before < 60_000, before > Date.UTC(2024, 0), new Date() >= new Date(after)];
}
