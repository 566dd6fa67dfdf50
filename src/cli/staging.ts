/** What a message carries, put into the home's staging folder by the process that serves a model. */
import type { Staging } from '../mcp/parts.ts';
import type { Paths } from '../system/paths.ts';

export function stagingIn(paths: Paths): Staging {
  return {
    text: async (text) => (await import('./content.ts')).textContent(text, { paths }),
    file: async (path, signal) => {
      const { stageFile } = await import('../system/staging.ts');
      const staged = await stageFile(paths, path, { signal });
      const name = path.split(/[\\/]/).at(-1) || path;
      return { ...staged, type: Bun.file(path).type, name, role: 'file' as const };
    },
    run: async (line, { directory, signal }) => {
      const [{ captured }, { shellWords }] = await Promise.all([
        import('./command.ts'),
        import('./shell-words.ts'),
      ]);
      return captured(paths, { line, argv: shellWords(line), stdin: 'ignore', directory, signal });
    },
  };
}
