// A rejection that is handled before the microtasks have run is no failure.
export async function run() {
  const late = Promise.reject(new Error("handled"));
  await null;
  const message = await late.catch((error) => error.message);
  const settled = await Promise.allSettled([Promise.reject(1), 2]);
  return [message, settled];
}
