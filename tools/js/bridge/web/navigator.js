// navigator: what programs ask to find out where they are. Says nothing of the machine.

const { defineInterface, byPlatform, onlyInternal } = internal.web.interface;

class Navigator {
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

const navigator = new Navigator(byPlatform);

internal.web.navigator = { __proto__: null, Navigator, navigator };
