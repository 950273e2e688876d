# What fish proposes for each of these lines.
source $COMPLETION
for line in 'mod' 'check --form' 'check --format ' 'check --report-j' '--report-j' '--color=a' 'steps expect_s' 'completion ' \
        '-q --report-tap READ' 'list --allow-read scen' 'explain scenarios/hel' 'steps scen'
    echo "sockrun $line"
    complete -C "sockrun $line" | string replace -r '^' '    ' | string replace \t '  -- '
end
true
