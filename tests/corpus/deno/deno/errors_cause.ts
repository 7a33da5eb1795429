export async function run() {
  try {
    try {
      await Deno.readTextFile("config.json");
    } catch (cause) {
      throw new Error("no configuration", { cause });
    }
  } catch (error: any) {
    return [error.message, error.cause.name, error.cause instanceof Deno.errors.NotFound];
  }
}
