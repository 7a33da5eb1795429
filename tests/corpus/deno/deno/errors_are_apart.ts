// dir: folder
export async function run() {
  const classes = [Deno.errors.NotFound, Deno.errors.AlreadyExists, Deno.errors.IsADirectory, Deno.errors.NotADirectory, Deno.errors.PermissionDenied];
  const which = async (act: () => unknown) => {
    try {
      await act();
      return "none";
    } catch (error) {
      return classes.filter((each) => error instanceof each).map((each) => each.name);
    }
  };
  return [await which(() => Deno.readTextFile("nope")), await which(() => Deno.mkdir("folder")), await which(() => Deno.readFile("folder"))];
}
