/**
 * What is said to a person: on stderr, through consola. stdout is data; consola's own default would
 * write there (interfaces §8.5). Loading consola costs more than a whole cold command, so it comes
 * when the first word is said.
 */
export interface Talk {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  success(text: string): void;
}

export async function openTalk(): Promise<Talk> {
  const { createConsola } = await import('consola');
  const consola = createConsola({ stdout: process.stderr, stderr: process.stderr });
  return {
    info: (text) => consola.info(text),
    warn: (text) => consola.warn(text),
    error: (text) => consola.error(text),
    success: (text) => consola.success(text),
  };
}
