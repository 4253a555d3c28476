# pyv in Nushell: shims on PATH, and `pyv shell`. To be saved where Nushell looks for files at its start, see
# `pyv init nu --help`.

$env.PATH = ($env.PATH | split row (char esep) | where $it != (@ROOT@ + '/shims') | prepend (@ROOT@ + '/shims'))

def --env --wrapped pyv [...args: string] {
    if ($args | length) > 1 and ($args | first) == 'shell' and ($args | get 1) not-in ['-h' '--help'] {
        load-env (^pyv sh-shell nu ...($args | skip 1) | from json)
    } else {
        ^pyv ...$args
    }
}
