export const separator = ";";
