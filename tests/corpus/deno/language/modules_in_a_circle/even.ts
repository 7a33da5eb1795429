import { odd } from "./odd.ts";
export function even(n: number): boolean { return n === 0 || odd(n - 1); }
