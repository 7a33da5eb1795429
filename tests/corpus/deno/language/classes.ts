abstract class Animal {
  static count = 0;
  static { Animal.count = 10; }
  declare tag: string;
  protected legs!: number;
  abstract sound(): string;
  constructor() { Animal.count += 1; }
  get loud(): string { return this.sound().toUpperCase(); }
  speak(this: Animal, times: number): string { return Array(times).fill(this.sound()).join(" "); }
}
class Dog extends Animal implements Iterable<number> {
  override sound() { return "wau"; }
  static #made = 0;
  static make() { Dog.#made += 1; return new Dog(); }
  static get made() { return Dog.#made; }
  #secret = 42;
  has(other: object) { return #secret in other; }
  *[Symbol.iterator]() { yield this.#secret; }
  ["com" + "puted"] = 1;
}
export function run() {
  const dog = Dog.make();
  return [dog.loud, dog.speak(2), Animal.count, Dog.made, dog.has(dog), dog.has({}), [...dog], Object.keys(dog), "tag" in dog, dog instanceof Animal];
}
