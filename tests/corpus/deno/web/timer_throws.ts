// throws: exact
// An exception in a timer ends the call.
export async function run() {
  setTimeout(() => { throw new RangeError("in a timer"); }, 1);
  await new Promise((resolve) => setTimeout(resolve, 15));
  return "not reached";
}
