// The usual way to give up waiting.
export async function run() {
  const sleep = (ms, signal) => new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
  const c = new AbortController();
  setTimeout(() => c.abort(new Error("enough")), 3);
  return await sleep(1000, c.signal).then(() => "slept", (error) => error.message);
}
