export * from "./parse.ts";
export { default as values } from "./values.ts";
export { default } from "../thing.ts";
