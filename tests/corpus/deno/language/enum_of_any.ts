// differs: oxc takes a value that it cannot compute for a number and gives it a name back; TypeScript sees a text behind `as any`
enum Direction { Up, Right = "right" as any }
export function run() {
  return Direction;
}
