// differs: oxc refuses a variable that a namespace exports, with a message: a constant, or a function that answers it, is the same
namespace Counter {
  export let value = 0;
  export function count() { value += 1; }
}
export function run() {
  Counter.count();
  return Counter.value;
}
