const enum Level { Low = 1, High = Low * 10, Name = "x" }
declare const enum Never { A }
export enum Kept { Low = Level.Low }
export function run() {
  return [Level.Low, Level.High, Level.Name, Kept.Low, typeof Level.Low];
}
