// Randomness is the host's, and begins anew in each call.

internal.define(Math, "random", { random: () => internal.natives.randomNumber() }.random);
