/** Windows: a toast by PowerShell. The script is fixed and reads the text from its environment (R1). */
import type { NoticePlatform } from './platform.ts';

const SCRIPT = `$ErrorActionPreference = 'Stop'
[void][Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$template = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$xml = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($template)
$text = $xml.GetElementsByTagName('text')
[void]$text.Item(0).AppendChild($xml.CreateTextNode($env:IPC_NOTICE_TITLE))
[void]$text.Item(1).AppendChild($xml.CreateTextNode($env:IPC_NOTICE_BODY))
$audio = $xml.CreateElement('audio')
if ($env:IPC_NOTICE_SOUND -eq 'off') { $audio.SetAttribute('silent', 'true') }
else { $audio.SetAttribute('src', $env:IPC_NOTICE_SOUND) }
[void]$xml.DocumentElement.AppendChild($audio)
$toast = [Windows.UI.Notifications.ToastNotification]::new($xml)
$shell = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($shell).Show($toast)`;

export const windows: NoticePlatform = {
  show: ({ title, body, sound }) => ({
    argv: ['powershell', '-NoProfile', '-NonInteractive', '-WindowStyle', 'Hidden', '-Command', SCRIPT],
    variables: {
      IPC_NOTICE_TITLE: title,
      IPC_NOTICE_BODY: body,
      IPC_NOTICE_SOUND: sound === 'default' ? 'ms-winsoundevent:Notification.Default' : sound,
    },
  }),
  play: () => [],
};
