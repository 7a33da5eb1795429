export function run() {
  const seen = [];
  const target = new EventTarget();
  const listener = (event) => seen.push(`${event.type} ${event.target === target} ${event.currentTarget === target} ${event.eventPhase}`);
  target.addEventListener("x", listener);
  target.addEventListener("x", listener);
  target.addEventListener("x", { handleEvent(event) { seen.push(`object ${this !== undefined}`); event.preventDefault(); } });
  target.addEventListener("x", () => seen.push("once"), { once: true });
  target.addEventListener("y", (event) => { event.stopImmediatePropagation(); seen.push("first"); });
  target.addEventListener("y", () => seen.push("never"));
  target.addEventListener("p", (event) => event.preventDefault(), { passive: true });
  const x = new Event("x", { cancelable: true });
  seen.push(target.dispatchEvent(x), x.defaultPrevented, target.dispatchEvent(new Event("x")), target.dispatchEvent(new Event("y")), target.dispatchEvent(new Event("p", { cancelable: true })));
  target.removeEventListener("x", listener);
  target.dispatchEvent(new Event("x"));
  seen.push(x.currentTarget, x.eventPhase, x.target === target);
  const controller = new AbortController();
  target.addEventListener("z", () => seen.push("z"), { signal: controller.signal });
  target.dispatchEvent(new Event("z"));
  controller.abort();
  target.dispatchEvent(new Event("z"));
  return seen;
}
