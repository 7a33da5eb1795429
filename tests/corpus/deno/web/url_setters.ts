export function run() {
  const seen = [];
  const set = (name, value, start = "https://u:p@h.com:81/p?q#f") => {
    const url = new URL(start);
    url[name] = value;
    seen.push(`${name}=${value}: ${url.href}`);
  };
  set("protocol", "http"); set("protocol", "ftp:"); set("protocol", "mailto"); set("username", "ü:"); set("password", ""); set("host", "x.y:90"); set("host", "");
  set("hostname", "z"); set("hostname", "a:b"); set("port", "443"); set("port", "90x"); set("port", "no"); set("port", ""); set("pathname", "a b/../c");
  set("search", "a=ü b"); set("search", ""); set("hash", "x y"); set("hash", ""); set("pathname", "x", "mailto:a@b"); set("href", "http://new/");
  const url = new URL("http://a/");
  try { url.href = "bad"; } catch (error) { seen.push(error.message, url.href); }
  return seen;
}
