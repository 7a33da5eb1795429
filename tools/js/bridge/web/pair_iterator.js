// Iterators of URLSearchParams, Headers and FormData: over pairs that may change meanwhile.

const { iteratorSymbol, objects, toStringTag } = internal.web.primordials;

const IteratorPrototype = objects.getPrototypeOf(objects.getPrototypeOf([][iteratorSymbol]()));
const prototypes = { __proto__: null };

class State {
  #pairs;
  #kind;
  #index = 0;

  constructor(pairs, kind) {
    this.#pairs = pairs;
    this.#kind = kind;
  }

  static next(iterator) {
    const pairs = iterator.#pairs();
    if (iterator.#index >= pairs.length) return { value: undefined, done: true };
    const { name, value } = pairs[iterator.#index++];
    return { value: iterator.#kind === "keys" ? name : iterator.#kind === "values" ? value : [name, value], done: false };
  }
}
const { next: advance } = State;

function prototypeOf(owner) {
  if (prototypes[owner] !== undefined) return prototypes[owner];
  const prototype = objects.create(IteratorPrototype);
  const { next } = { next() { return advance(this); } };
  objects.defineProperty(prototype, "next", { __proto__: null, value: next, writable: true, enumerable: true, configurable: true });
  objects.defineProperty(prototype, toStringTag, { __proto__: null, value: `${owner} Iterator`, configurable: true });
  prototypes[owner] = prototype;
  return prototype;
}

// `pairs()` is asked at every step; `kind` is entries, keys or values.
function pairIterator(owner, pairs, kind) {
  return objects.setPrototypeOf(new State(pairs, kind), prototypeOf(owner));
}

internal.web.pair_iterator = { __proto__: null, pairIterator };
