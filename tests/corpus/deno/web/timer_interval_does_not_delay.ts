// What is still open does not keep the result back.
export function run() {
  setInterval(() => {}, 1000);
  setTimeout(() => { throw new Error("too late"); }, 5000);
  return "done";
}
