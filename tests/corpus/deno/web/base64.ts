export function run() {
  const fails = (f) => { try { return f(); } catch (error) { return `${error.name}: ${error.message} ${error.code}`; } };
  return [btoa(""), btoa("a"), btoa("ab"), btoa("abc"), btoa("\xff\x00é"), atob(""), atob("YQ=="), atob("YQ"), atob(" Y W I = "), atob("//79").split("").map((c) => c.charCodeAt(0)),
    fails(() => btoa("€")), fails(() => atob("a")), fails(() => atob("YQ=")), fails(() => atob("Y*==")), fails(() => atob("-_==")), btoa(null), btoa(12), fails(() => atob("YQ===")), atob("YR==")];
}
