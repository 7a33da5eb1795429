export function run() {
  const deep = (level: number): number => 1 + deep(level + 1);
  try {
    return deep(0);
  } catch (error: any) {
    return [error instanceof RangeError, error.name];
  }
}
