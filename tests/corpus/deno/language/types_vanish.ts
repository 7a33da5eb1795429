import type { Nothing } from "./nowhere.ts";
import { type AlsoNothing } from "./modules/lib/values.ts";
export type { Nothing };
type A = { [K in "x" | "y"]?: number } & Partial<Record<string, unknown>>;
interface B extends A { readonly z: `${number}px` }
declare global { interface Window { mine: string } }
declare function external(a: number): string;
declare module "thing" { export const x: number; }
declare let later: string;
export function run(input: A): asserts input is B;
export function run(input: any) {
  const sure = input as unknown as B;
  const angled = <any>sure;
  const bang = angled.x!;
  const checked = { a: 1, b: [2] } satisfies Record<string, unknown>;
  let definite!: number;
  definite = 3;
  const frozen = ["a", 1] as const;
  const isText = (value: unknown): value is string => typeof value === "string";
  return [bang ?? "none", checked.b[0], definite, frozen[0], isText("x"), typeof external, typeof later];
}
