/** Writes to stdout and waits until it is taken, so that a large result never piles up in memory. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      // Whoever read our output has seen enough (`… | head`); that is no error of ours.
      if (error == null || ('code' in error && error.code === 'EPIPE')) resolve();
      else reject(error);
    });
  });
}
