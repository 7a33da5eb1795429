// only: there is a network under Deno
export async function run() {
  const error = await fetch("http://localhost:1/").catch((error) => error);
  if (error.name !== "NotSupported" || !error.message.includes("fetch")) throw error;
}
