import { parse, type Row } from "./lib/parse.ts";
import values, { counter, increment, type AlsoNothing } from "./lib/values.ts";
import * as everything from "./lib/index.ts";
import Renamed, { parse as again } from "./lib/index.ts";
export async function run() {
  const rows: Row[] = parse("a=1;b=2");
  increment();
  increment();
  const unused: AlsoNothing | undefined = undefined;
  return [rows, values, counter, Object.keys(everything).sort(), Renamed.name, again === parse, unused ?? "none"];
}
