#compdef sitecrew
# Completion of sitecrew for zsh. Load it from ~/.zshrc, after compinit:  source <(sitecrew completion zsh)
_sitecrew() {
    local -a answer
    answer=("${(@f)$(_SITECREW_COMPLETE=zsh _SITECREW_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" \
        "$words[1]" 2>/dev/null)}")
    local kind=$answer[1]
    shift answer
    case $kind in
        files) _files ;;
        folders) _files -/ ;;
        unfinished) _describe -V sitecrew answer -S '' ;;
        words) _describe -V sitecrew answer ;;
    esac
}
if [[ $funcstack[1] == _sitecrew ]]; then
    _sitecrew "$@"
else
    compdef _sitecrew sitecrew
fi
