const settings = await Promise.resolve({ factor: 3 });
const { factor } = settings;
export async function run() {
  return factor * await Promise.resolve(2);
}
