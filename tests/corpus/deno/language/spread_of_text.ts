// differs: QuickJS spreads nothing of a text into an object; Object(text) is spread
export function run() {
  return { ...("xy" as any), ...(1 as any), ...(null as any) };
}
