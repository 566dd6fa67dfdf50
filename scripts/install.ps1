# Puts a downloaded ipc.exe in place on Windows: its sum verified, the old one kept until the new one has run.
#
#   powershell -ExecutionPolicy Bypass -File install.ps1 -From https://example.org/ipc/0.2.0
#   powershell -ExecutionPolicy Bypass -File install.ps1 -From C:\Users\me\Downloads [-To DIR] [-Sum HEX]
#
# The same steps as scripts/install, which has tests; this one could not be run where it was written.
param(
  [Parameter(Mandatory = $true)][string]$From,
  [string]$To = (Join-Path $env:LOCALAPPDATA 'Programs\ipc'),
  [string]$Sum = ''
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$name = 'ipc-windows-x64.exe'

function Refuse([int]$Status, [string]$What) {
  [Console]::Error.WriteLine("install: $What; nothing was changed")
  exit $Status
}

function Get-Part([string]$Part, [string]$Into) {
  if ($From -match '^https?://') {
    Invoke-WebRequest -UseBasicParsing -Uri ($From.TrimEnd('/') + '/' + $Part) -OutFile $Into
  } else {
    Copy-Item -LiteralPath (Join-Path $From $Part) -Destination $Into
  }
}

New-Item -ItemType Directory -Force -Path $To | Out-Null
# Beside its place, so that it comes there in one step.
$stage = Join-Path $To ('.ipc-install-' + [Guid]::NewGuid().ToString('N'))
New-Item -ItemType Directory -Path $stage | Out-Null
try {
  if ($Sum -eq '') {
    $sums = Join-Path $stage 'sums'
    try { Get-Part 'SHA256SUMS' $sums } catch { Refuse 66 "wanted SHA256SUMS at ${From}: $_" }
    foreach ($line in Get-Content -LiteralPath $sums) {
      if ($line -match '^([0-9A-Fa-f]{64}) [ *](.+)$' -and $Matches[2] -eq $name) { $Sum = $Matches[1] }
    }
  }
  if ($Sum -notmatch '^[0-9A-Fa-f]{64}$') { Refuse 65 "wanted a sum of $name in SHA256SUMS, found none" }
  $new = Join-Path $stage 'ipc.exe'
  try { Get-Part $name $new } catch { Refuse 66 "wanted $name at ${From}: $_" }
  $found = (Get-FileHash -Algorithm SHA256 -LiteralPath $new).Hash
  if ($found -ne $Sum) { Refuse 65 "wanted $name with the sum $Sum, found ${found}: it is damaged, or another file" }
  $version = & $new version
  if ($LASTEXITCODE -ne 0) { Refuse 69 "$name does not run here" }

  $place = Join-Path $To 'ipc.exe'
  if (Test-Path -LiteralPath $place) {
    # A program that runs cannot be overwritten, but it can be called something else.
    Get-ChildItem -LiteralPath $To -Filter 'ipc-old-*.exe' | Remove-Item -Force -ErrorAction SilentlyContinue
    $aside = Join-Path $To ('ipc-old-' + [Guid]::NewGuid().ToString('N') + '.exe')
    Move-Item -LiteralPath $place -Destination $aside
    try { Move-Item -LiteralPath $new -Destination $place } catch {
      Move-Item -LiteralPath $aside -Destination $place
      Refuse 73 "wanted to write ${place}: $_"
    }
    'it replaces an older one; a daemon of an older version makes room at the next command'
  } else {
    Move-Item -LiteralPath $new -Destination $place
  }
  "installed $version as $place"
  if (($env:PATH -split ';') -notcontains $To) {
    "$To is not on your PATH; add it: [Environment]::SetEnvironmentVariable('Path', '$To;' + [Environment]::GetEnvironmentVariable('Path', 'User'), 'User')"
  }
} finally {
  Remove-Item -Recurse -Force -LiteralPath $stage -ErrorAction SilentlyContinue
}
