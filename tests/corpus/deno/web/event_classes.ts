export function run() {
  const e = new CustomEvent("c", { detail: { a: 1 }, bubbles: true });
  class Own extends Event { constructor() { super("own"); this.more = 1; } }
  class Target extends EventTarget { fire() { let got; this.addEventListener("own", (o) => { got = o.more; }); this.dispatchEvent(new Own()); return got; } }
  const fails = (f) => { try { return f(); } catch (error) { return error.name; } };
  return [e.detail, e.bubbles, e.cancelable, e.type, e.isTrusted, new CustomEvent("d").detail, e instanceof Event, new Target().fire(), String(new Event("t")), Event.AT_TARGET,
    fails(() => new Event()), fails(() => new EventTarget().addEventListener("x")), Object.keys(new Event("k"))];
}
