/** What another system had, on its way into the store. */
import type { BlobRef } from '../../protocol/model.ts';
import type { AgentName } from '../../protocol/names.ts';
import type { PostedBlob } from './sending.ts';

export interface ImportedMessage {
  readonly id: string;
  readonly sender: AgentName;
  readonly to: AgentName;
  /** Shown as the program its sender used. */
  readonly client: string;
  readonly sentAt: number;
  /** Null: it was not read there; otherwise in words, and when if that is known. */
  readonly read: { readonly words: string; readonly at: number | null } | null;
  readonly body: string;
  readonly bodyBlob: BlobRef | null;
  readonly data: string | null;
  readonly attachments: readonly PostedBlob[];
}

export interface Imported {
  readonly added: readonly string[];
  readonly known: readonly string[];
  /** Recipients of added ones that take no mail here. */
  readonly refused: readonly string[];
}
