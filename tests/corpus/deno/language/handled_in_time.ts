export async function run() {
  const rejected = Promise.reject(new Error("handled"));
  await null;
  const caught = rejected.catch((error) => error.message);
  return await caught;
}
