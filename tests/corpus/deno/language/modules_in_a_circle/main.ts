import { even } from "./even.ts";
export function run() {
  return [even(10), even(7)];
}
