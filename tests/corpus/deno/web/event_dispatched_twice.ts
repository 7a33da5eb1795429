export function run() {
  const target = new EventTarget();
  let name;
  target.addEventListener("x", (event) => { try { target.dispatchEvent(event); } catch (error) { name = `${error.name}`; } });
  target.dispatchEvent(new Event("x"));
  return name;
}
