/** What tests say of cells: run one, and see what a reader would see of it. */
import type { CellView } from '../../src/kernel/cell.ts';
import type { KernelSession } from '../../src/kernel/session.ts';
import type { OutputItem } from '../../src/kernel/output/cell-output.ts';
import { joined } from '../../src/kernel/output/cut-text.ts';

export async function run(session: KernelSession, code: string, owner = 'bob'): Promise<CellView> {
  const cell = session.execute({ code, owner });
  if (!(await cell.wait(20_000))) throw new Error(`still running after 20 s: ${code}`);
  return cell.view;
}

export function streamText(view: Pick<CellView, 'items'>, name: 'stdout' | 'stderr' = 'stdout'): string {
  const streams = view.items.filter((item) => item.kind === 'stream' && item.name === name);
  return streams.map(textOf).join('');
}

export function textOf(item: OutputItem): string {
  return joined(item.kind === 'error' ? item.traceback : item.text);
}

/** `stdout: a`, `result: 2`, `error: ZeroDivisionError`: an output as one word and its text. */
export function outline(view: Pick<CellView, 'items'>): readonly string[] {
  return view.items.map((item) => {
    switch (item.kind) {
      case 'stream':
        return `${item.name}: ${textOf(item)}`;
      case 'error':
        return `error: ${item.name}: ${item.value}`;
      case 'page':
        return `page: ${textOf(item)}`;
      case 'result':
      case 'display':
        return `${item.kind}: ${textOf(item)}${item.images.map(({ mime }) => ` [${mime}]`).join('')}`;
    }
  });
}
