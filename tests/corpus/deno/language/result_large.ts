export function run() {
  return Array.from({ length: 30_000 }, (_, at) => `line ${at} of a result over 64 KiB`);
}
