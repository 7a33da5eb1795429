export function run() {
  const e = new DOMException("m", "NotFoundError");
  const fails = (f) => { try { return f(); } catch (error) { return error.name; } };
  return [e.name, e.message, e.code, String(e), e instanceof Error, new DOMException().name, new DOMException("x", "Own").code, DOMException.ABORT_ERR, e.ABORT_ERR, typeof e.stack,
    Object.prototype.toString.call(e), Object.keys(e), fails(() => DOMException("a")), new DOMException("x", { name: "N", cause: 5 }).cause];
}
