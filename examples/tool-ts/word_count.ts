// The smallest complete tool in TypeScript: it counts the words of a file.
export const summary = "Counts the words of the text file at `path`.";
export const args = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
export const needs = ["read fs:workspace/**"];

export async function run(args: { path: string }, libos: any): Promise<number> {
  const text: string = await libos.syscall("filesystem.read_text", { path: args.path }).then((read: any) => read.content);
  return text.split(/\s+/).filter((word) => word !== "").length;
}
