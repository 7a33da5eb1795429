import { log } from "./log.ts";
log.push("first");
await null;
log.push("first, later");
