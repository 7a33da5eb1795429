// differs: decorators are refused with a message: QuickJS has none, and Deno has the standard ones
function marked(value: any, _context: unknown) { value.marked = true; return value; }
@marked
class Thing {}
export function run() {
  return (Thing as any).marked;
}
