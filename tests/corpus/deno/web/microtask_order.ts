// async, then, thenables and queueMicrotask in one queue.
export async function run() {
  const seen = [];
  const say = (word) => () => seen.push(word);
  async function one() {
    seen.push("one begins");
    await null;
    seen.push("one after await");
    await { then(resolve) { seen.push("thenable asked"); resolve(); } };
    seen.push("one after thenable");
  }
  const all = one();
  Promise.resolve().then(say("then 1")).then(say("then 2")).then(say("then 3")).then(say("then 4"));
  queueMicrotask(say("micro"));
  (async () => { await Promise.resolve(); seen.push("inner"); return Promise.resolve("x"); })().then(say("async returned a promise"));
  Promise.reject(1).catch(say("caught")).finally(say("finally"));
  seen.push("sync end");
  await all;
  await new Promise((resolve) => setTimeout(resolve, 2));
  return seen;
}
