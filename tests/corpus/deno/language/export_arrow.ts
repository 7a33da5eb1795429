// args: {"n": 20}
export const run = async ({ n }: { n: number }): Promise<number> => n * 2;
