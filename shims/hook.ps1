# pyv in PowerShell: shims on PATH, and `pyv shell`. The profile says: pyv init pwsh | Out-String | Invoke-Expression

$env:PATH = (@(@ROOT@ + '/shims') + @($env:PATH -split [IO.Path]::PathSeparator |
        Where-Object { $_ -ne (@ROOT@ + '/shims') })) -join [IO.Path]::PathSeparator

function pyv {
    $program = (Get-Command -Name pyv -CommandType Application | Select-Object -First 1).Source
    # What changes the shell is code that sh-shell, sh-activate and sh-deactivate print
    $routed = $args[0] -in 'activate', 'deactivate' -or ($args[0] -eq 'shell' -and $args.Count -gt 1)
    if ($routed -and $args[1] -notin '-h', '--help') {
        $rest = @($args | Select-Object -Skip 1)
        $code = & $program "sh-$($args[0])" pwsh @rest
        if ($LASTEXITCODE -eq 0) { Invoke-Expression ($code -join "`n") }
    } else {
        & $program @args
    }
}
