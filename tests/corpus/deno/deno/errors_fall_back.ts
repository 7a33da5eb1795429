// Read it if it is there: what scripts do most.
export async function run() {
  let text = "default";
  try {
    text = await Deno.readTextFile("settings.json");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  } finally {
    await Deno.writeTextFile("log", "looked");
  }
  return text;
}
