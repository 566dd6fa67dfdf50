/** Linux: notify-send, and whichever player is there. The body is markup to a notification daemon (R12). */
import { asMarkup } from '../../present/escape.ts';
import type { NoticePlatform } from './platform.ts';

const SOUND = '/usr/share/sounds/freedesktop/stereo/message.oga';

export const linux: NoticePlatform = {
  show: ({ title, body }) => ({ argv: ['notify-send', '--app-name=ipc', '--', title, asMarkup(body)] }),
  play: ({ sound }) => {
    if (sound === 'off') return [];
    const file = sound === 'default' ? SOUND : sound;
    return [['paplay'], ['pw-play'], ['canberra-gtk-play', '-f']].map((player) => ({
      argv: [...player, file],
    }));
  },
};
