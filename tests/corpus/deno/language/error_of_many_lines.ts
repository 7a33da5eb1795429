// throws: exact
export async function run() {
  await null;
  throw new Error("first line\nsecond line");
}
