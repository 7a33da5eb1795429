// An interval goes on until it is cleared, by itself too.
export async function run() {
  let count = 0;
  await new Promise((resolve) => {
    const id = setInterval((step) => {
      count += step;
      if (count === 6) {
        clearInterval(id);
        resolve();
      }
    }, 1, 2);
  });
  const before = count;
  await new Promise((resolve) => setTimeout(resolve, 8));
  return [before, count];
}
