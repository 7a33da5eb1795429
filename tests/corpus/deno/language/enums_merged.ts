enum Color { Red, Green }
enum Color { Blue = 2 }
namespace Color {
  export const all = () => [Color.Red, Color.Green, Color.Blue];
}
export function run() {
  return [Color.all(), Color[2], Object.keys(Color).sort()];
}
