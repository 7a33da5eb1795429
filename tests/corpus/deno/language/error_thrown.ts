// throws: exact
class Custom extends Error {
  override name = "CustomError";
}
export function run() {
  throw new Custom("with a message: and a colon");
}
