# Completion of sitecrew for fish. Load it from config.fish:  sitecrew completion fish | source
function __sitecrew_complete
    set -l words (commandline -opc)
    set -l line (commandline -cp | string collect)
    set -l answer (env _SITECREW_COMPLETE=fish _SITECREW_LINE=$line $words[1] 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
        case '*'
            string join \n -- $answer[2..-1]
    end
end
complete -c sitecrew -f -k -a '(__sitecrew_complete)'
