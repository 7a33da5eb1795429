export async function run() {
  return await Promise.any([Promise.reject(1)]).catch((error) => error.message);
}
