# Completion of sitecrew for bash. Load it from ~/.bashrc:  source <(sitecrew completion bash)
_sitecrew() {
    local answer kind line
    COMPREPLY=()
    answer=$(_SITECREW_COMPLETE=bash _SITECREW_LINE="${COMP_LINE:0:COMP_POINT}" \
        _SITECREW_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null) || return 0
    {
        read -r kind
        while IFS= read -r line; do COMPREPLY+=("$line"); done
    } <<<"$answer"
    case $kind in
        unfinished) compopt -o nospace ;;
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
    esac 2>/dev/null
    return 0
}
complete -o nosort -F _sitecrew sitecrew 2>/dev/null || complete -F _sitecrew sitecrew
