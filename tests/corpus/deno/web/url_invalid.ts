export function run() {
  const messages = ["x", "http://", "http://a b/", "http://a:99999/", "http://[::1", "//x", "http://%zz/"].map((text) => {
    try { return new URL(text).href; } catch (error) { return `${error.name}: ${error.message}`; }
  });
  let based;
  try { new URL("x", "y"); } catch (error) { based = error.message; }
  return [messages, based, URL.canParse("http://a"), URL.canParse("a"), URL.canParse("a", "http://b"), URL.parse("no"), URL.parse("http://a").href];
}
