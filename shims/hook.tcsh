# pyv in tcsh: shims on PATH, and `pyv shell`. Sourced by a line of ~/.tcshrc, see `pyv init tcsh`.
# The shims do the switching; hook.bash shows what shells do that activate environments on the way.

# The alias below sources this file again, with the arguments of pyv
set _pyv_todo = set-up
if ( "$#argv" > 0 ) then
    if ( "$argv[1]" == --pyv-command ) set _pyv_todo = command
endif
if ( "$_pyv_todo" == command && "$#argv" > 1 ) then
    if ( "$argv[2]" == shell && "$#argv" > 2 ) set _pyv_todo = shell
    if ( "$argv[2]" == activate || "$argv[2]" == deactivate ) set _pyv_todo = shell
    if ( "$#argv" > 2 ) then
        if ( "$argv[3]" == -h || "$argv[3]" == --help ) set _pyv_todo = command
    endif
endif

if ( "$_pyv_todo" == set-up ) then
    set _pyv_root = @ROOT@
    # Once, and first; only an environment that is active stays before it
    set _pyv_shims = "$_pyv_root/shims"
    set _pyv_path = ()
    foreach _pyv_entry ( $path:q )
        if ( "$_pyv_entry" != "$_pyv_shims" ) set _pyv_path = ( $_pyv_path:q "$_pyv_entry" )
    end
    set path = ( "$_pyv_shims" $_pyv_path:q )
    if ( $?VIRTUAL_ENV && "$#_pyv_path" > 0 ) then
        if ( "$_pyv_path[1]" == "$VIRTUAL_ENV/bin" ) then
            set _pyv_path[1] = "$_pyv_shims"
            set path = ( "$VIRTUAL_ENV/bin" $_pyv_path:q )
        endif
    endif
    if ( ! $?_pyv_only_path ) alias pyv 'source "$_pyv_root/hooks/pyv.tcsh" --pyv-command \!*'
    unset _pyv_only_path _pyv_path _pyv_entry _pyv_shims
endif
set _pyv_last = :
if ( "$_pyv_todo" == command ) set _pyv_last = '\pyv $argv[2-]:q'
if ( "$_pyv_todo" == shell ) then
    set _pyv_code = "`\pyv sh-$argv[2]:q tcsh $argv[3-]:q`"
    set _pyv_last = "( exit $status )"
    if ( "$_pyv_last" == "( exit 0 )" ) set _pyv_last = "$_pyv_code"
endif
# The exit status is that of the last line
eval "$_pyv_last"
