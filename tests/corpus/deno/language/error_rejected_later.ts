// throws: exact
export function run() {
  return new Promise((_, reject) => setTimeout(() => reject(new TypeError("late")), 5));
}
