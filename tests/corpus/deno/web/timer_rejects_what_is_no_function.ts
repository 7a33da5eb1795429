// throws: exact
export function run() {
  setTimeout("code");
}
