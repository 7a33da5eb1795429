// throws: exact
export function run() {
  new AbortSignal();
}
