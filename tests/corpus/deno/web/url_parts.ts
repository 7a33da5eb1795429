export function run() {
  const urls = [
    "https://user:pa%20ss@EXAMPLE.com:443/a/./b/../c%7e?x=1&y=a b#frag ment", "http://[::1]:8080/", "file:///C:/dir/../x.txt", "mailto:a@b.c?subject=x",
    "data:text/plain,hello world", "http://bücher.example/ä?ö#ü", "http://0x7f.1/", "HTTP://a.b:80", "javascript:alert(1)", "http://a/%2e%2e/b", "ws://x:80/",
    "https://日本語.jp/路径", "http://a\\b\\c", " http://trim.me/ ", "http://a:65535/", "blob:https://x.y/1-2",
  ];
  return urls.map((text) => {
    const u = new URL(text);
    return [u.href, u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash];
  });
}
