import "./first.ts";
import { log } from "./log.ts";
import "./second.ts";
log.push("main");
export function run() {
  return log;
}
