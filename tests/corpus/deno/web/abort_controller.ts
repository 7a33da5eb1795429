export async function run() {
  const seen = [];
  const c = new AbortController();
  c.signal.addEventListener("abort", (event) => seen.push(event.type, event.target === c.signal));
  c.signal.onabort = () => seen.push("onabort");
  c.abort();
  c.abort("again");
  const r = c.signal.reason;
  const own = new AbortController();
  own.abort({ why: 1 });
  let thrown;
  try { own.signal.throwIfAborted(); } catch (error) { thrown = error; }
  const any = AbortSignal.any([new AbortController().signal, own.signal]);
  const source = new AbortController();
  const joined = AbortSignal.any([AbortSignal.any([source.signal])]);
  joined.addEventListener("abort", () => seen.push("joined"));
  source.abort("src");
  const timed = AbortSignal.timeout(2);
  await new Promise((resolve) => timed.addEventListener("abort", resolve));
  return [seen, r.name, r.message, r.code, r instanceof DOMException, r instanceof Error, thrown, any.aborted, any.reason, joined.reason, timed.reason.name, timed.reason.message,
    AbortSignal.abort().reason.name, AbortSignal.abort(7).reason, c.signal.aborted];
}
