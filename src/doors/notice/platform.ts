/** What a platform knows: which programs show a notice and make a sound. Fixed words; text is data. */
import type { NoticeWords } from './words.ts';

export interface HelperCommand {
  readonly argv: readonly string[];
  /** Added to the environment; how text reaches a program that takes no arguments. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface Notice extends NoticeWords {
  /** `default`, `off`, or what the platform takes for a sound. */
  readonly sound: string;
}

export interface NoticePlatform {
  readonly show: (notice: Notice) => HelperCommand;
  /** The ways to play it, the first that is installed is used; none where `show` plays it. */
  readonly play: (notice: Notice) => readonly HelperCommand[];
}
