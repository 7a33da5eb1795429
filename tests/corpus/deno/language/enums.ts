enum Direction { Up, Down = 5, Left, Right = "right".length }
enum Text { A = "a", B = `b` }
enum Flags { None = 0, Read = 1 << 0, Write = 1 << 1, Both = Read | Write, Length = "abc".length }
export function run() {
  return [Direction, Direction[0], Direction[5], Direction.Left, Text, Object.keys(Text), Flags.Both, Flags[3], Object.entries(Flags)];
}
