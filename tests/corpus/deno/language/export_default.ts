export default async function (args: { n: number }) {
  return (args.n ?? 0) + 1;
}
