export function run() {
  const h = new Headers({ "Content-Type": " text/plain ", "X-B": "1" });
  h.append("x-b", "2");
  h.append("Set-Cookie", "a=1");
  h.append("set-cookie", "b=2");
  h.set("Accept", "*/*");
  const fails = (f) => { try { f(); return "no"; } catch (error) { return `${error.name}: ${error.message}`; } };
  const each = [];
  h.forEach((value, name) => each.push(`${name}=${value}`));
  h.delete("X-B");
  return [[...h], each, h.get("ACCEPT"), h.get("none"), h.has("x-b"), h.getSetCookie(), fails(() => new Headers([["a"]])), fails(() => h.set("a b", "x")), fails(() => h.append("a", "x\ny")),
    [...new Headers([["b", "1"], ["a", "2"]]).keys()], [...new Headers(new Headers({ q: "1" })).values()], String(h)];
}
