# Sourced by the scripts beside it: measure PID LENGTH CONNECTIONS URL INPUT drives the server with that process id and prints one line of
# figures, then what a request cost each side in processor time. Needs wrk.
ticks() { awk '{ sub(/.*\) /, ""); print $12, $13 }' "/proc/$1/stat"; }

measure() {
    local pid=$1 length=$2 connections=$3 url=$4 input=$5 before after result times
    before=$(ticks "$pid")
    times=$(mktemp)
    result=$({ TIMEFORMAT='%U %S'; time wrk -t2 -c"$connections" -d"$length" -s "$here/post.lua" "$url" -- "$input" 2>&1; } 2>"$times")
    after=$(ticks "$pid")
    tail -1 <<<"$result"
    echo "$before $after $(cat "$times") $(getconf CLK_TCK) $(awk '/requests in/ { print $1 }' <<<"$result")" | awk '$8 > 0 {
        printf "  processor time a request: server %.1f us user, %.1f us system; wrk %.1f us\n",
            1e6 * ($3 - $1) / $7 / $8, 1e6 * ($4 - $2) / $7 / $8, 1e6 * ($5 + $6) / $8 }'
    rm -f "$times"
}
