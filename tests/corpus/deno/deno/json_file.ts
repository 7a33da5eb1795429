// file: data.json = "{\"items\": [{\"name\": \"b\", \"n\": 2}, {\"name\": \"a\", \"n\": 1.5}], \"text\": \"\\u00e9\\n\"}"
export async function run() {
  const data = JSON.parse(await Deno.readTextFile("data.json"));
  data.items.sort((left: any, right: any) => left.name.localeCompare(right.name));
  await Deno.writeTextFile("sorted.json", JSON.stringify(data, null, 2));
  return data;
}
