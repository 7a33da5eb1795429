export function run() {
  return Object.keys(Deno.errors).map((name) => {
    const Class = (Deno.errors as any)[name];
    const error = new Class("why", { cause: "because" });
    return [name, Class.name, error.name, error.message, `${error}`, error.cause, error instanceof Error, error instanceof Class, Object.prototype.toString.call(error)];
  });
}
