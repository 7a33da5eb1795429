export const broken = JSON.parse("{");
export function run() {
  return "not reached";
}
