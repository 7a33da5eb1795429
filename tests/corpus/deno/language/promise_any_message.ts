// differs: QuickJS gives the error of Promise.any no message; its name and its errors are the same
export async function run() {
  return await Promise.any([Promise.reject(1)]).catch((error) => error.message);
}
