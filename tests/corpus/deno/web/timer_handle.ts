// What setTimeout gives has the methods that programs call.
export async function run() {
  const timer = setTimeout(() => {}, 1000);
  const names = ["ref", "unref", "hasRef", "refresh", "close"].map((name) => typeof timer[name]);
  const number = +timer > 0;
  const chained = timer.ref() === timer;
  clearTimeout(timer);
  return [names, number, chained];
}
