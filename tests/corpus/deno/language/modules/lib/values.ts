export type AlsoNothing = never;
export let counter = 0;
export const increment = () => { counter += 1; };
export default { fixed: true };
