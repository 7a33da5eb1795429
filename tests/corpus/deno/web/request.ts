export async function run() {
  const r = new Request("http://a/b?c", { method: "post", body: JSON.stringify({ a: 1 }), headers: { "content-type": "application/json" } });
  const fails = (f) => { try { f(); return "no"; } catch (error) { return `${error.name}`; } };
  const copy = r.clone();
  return [r.method, r.url, r.headers.get("content-type"), await r.json(), r.bodyUsed, await copy.text(), new Request("http://a").method, new Request("http://a").url, new Request("http://a", { method: "patch" }).method,
    fails(() => new Request("x")), fails(() => new Request("http://a", { body: "x" })), fails(() => new Request("http://a", { method: "TRACE" })), r.redirect, r.signal.aborted];
}
