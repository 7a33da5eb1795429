// The parameters and the URL are one.
export function run() {
  const url = new URL("http://a/?x=1&y=2&x=3#h");
  const params = url.searchParams;
  const same = params === url.searchParams;
  params.append("z", "ä &=+");
  const one = url.href;
  params.delete("x");
  const two = url.search;
  url.search = "?new=1+2%203";
  const three = [...params];
  params.delete("new");
  return [same, one, two, three, url.href, JSON.stringify({ url }), `${url}`];
}
