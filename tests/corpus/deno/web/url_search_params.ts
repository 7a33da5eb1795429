export function run() {
  const text = (init) => new URLSearchParams(init).toString();
  const p = new URLSearchParams("?b=2&a=1&b=3&c&=x&d=%zz&e=%F0%9F%98%80&f=+ +");
  const seen = [[...p], p.size, p.get("b"), p.getAll("b"), p.get("none"), p.has("c"), p.has("b", "2"), p.has("b", "9"), p.toString()];
  p.sort();
  seen.push([...p.keys()]);
  p.set("b", "only");
  p.set("new", "1");
  p.delete("d", "wrong");
  p.delete("a");
  seen.push(p.toString());
  const each = [];
  p.forEach((value, name, whole) => each.push(`${name}:${value}:${whole === p}`));
  seen.push(each, text({ a: 1, b: "x y" }), text([["a", "1"], ["a", "2"]]), text(new Map([["k", "v"]])), text(new URLSearchParams("q=1")), text(""), text("a=~!*()'-._"));
  const walk = new URLSearchParams("a=1&b=2&c=3");
  const met = [];
  for (const [name] of walk) { met.push(name); if (name === "a") walk.delete("b"); }
  return [...seen, met, String(walk.entries()), `${Object.prototype.toString.call(walk)}`];
}
