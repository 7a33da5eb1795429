// navigator: what programs ask to find out where they are. Says nothing of the machine.

import { defineInterface, internal, onlyInternal } from "./interface.js";

export class Navigator {
  #brand;

  constructor(token) {
    onlyInternal(token);
  }
  get hardwareConcurrency() {
    this.#brand;
    return 1;
  }
  get userAgent() {
    this.#brand;
    return "libos";
  }
  get language() {
    this.#brand;
    return "en-US";
  }
  get languages() {
    this.#brand;
    return ["en-US"];
  }
}
defineInterface(Navigator);

export const navigator = new Navigator(internal);
