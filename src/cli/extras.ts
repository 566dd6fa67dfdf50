/** What a message carries beside its text: files, a command's output, another message. */
import { Failure } from '../protocol/failures.ts';
import type { MessageId, StagedAttachment } from '../protocol/model.ts';
import { stageFile } from '../system/staging.ts';
import type { Call } from './call.ts';
import { forwardOf } from './content.ts';
import { progressBar } from './progress.ts';
import type { Session } from './session.ts';

export interface Extras {
  readonly texts: readonly string[];
  readonly attachments: readonly StagedAttachment[];
  readonly data?: unknown;
  readonly forwardOf?: MessageId;
}

export async function extrasOf(call: Call, session: Session): Promise<Extras> {
  const { values } = call;
  const attachments = await attachFiles(call, session, values.texts('file'));
  const texts: string[] = [];
  let data: unknown;
  const line = values.text('run');
  if (line !== undefined) {
    if (values.text('data') !== undefined)
      throw new Failure('invalid', 'wanted --run or --data, found both: --run fills the data itself');
    const { ranCommand } = await import('./command.ts');
    const ran = await ranCommand(call, session, line);
    attachments.push(...ran.attachments);
    texts.push(ran.text);
    data = ran.data;
  }
  const id = forwardOf(values);
  if (id === undefined) return { texts, attachments, ...(data === undefined ? {} : { data }) };
  const { forwarded } = await import('./forward.ts');
  const passed = await forwarded(session, id);
  texts.push(passed.text);
  return { texts, attachments, forwardOf: passed.id, ...(data === undefined ? {} : { data }) };
}

async function attachFiles(
  call: Call,
  session: Session,
  paths: readonly string[],
): Promise<StagedAttachment[]> {
  const attached: StagedAttachment[] = [];
  for (const path of paths) {
    const name = path.split(/[\\/]/).at(-1) || path;
    using bar = progressBar(call.output, name);
    const staged = await stageFile(session.paths, path, { progress: bar.step });
    attached.push({ ...staged, type: Bun.file(path).type, name, role: 'file' });
  }
  return attached;
}
