// throws: exact
// What a listener throws is uncaught; the other listeners are called.
export async function run() {
  const target = new EventTarget();
  target.addEventListener("x", () => { throw new RangeError("in a listener"); });
  target.dispatchEvent(new Event("x"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  return "not reached";
}
