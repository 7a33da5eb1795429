// throws: exact
import { fail } from "./deep/fail.ts";
export function run() {
  return fail(1);
}
