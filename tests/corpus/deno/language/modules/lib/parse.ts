import { separator } from "../settings.ts";
export interface Row { key: string; value: number }
export const parse = (text: string): Row[] => text.split(separator).map((part) => {
  const [key, value] = part.split("=");
  return { key, value: Number(value) };
});
