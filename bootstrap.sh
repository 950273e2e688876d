#!/bin/sh
# Builds sockrun on a Debian machine that has nothing yet, and runs it or its tests. What is there is not done again.
set -eu

usage() {
    cat <<EOF
usage: $0 run ARGS...       install what is missing, build, and run sockrun with these arguments
       $0 build             the same without running
       $0 install [PREFIX]  and install below PREFIX (/usr/local)
       $0 package           and make a Debian package in build/package
       $0 test              build and run everything there is to check
       $0 bench [NAME...]   build and measure: pingpong, udp, tls, pcap, start, files, reports, lua, luacrowd, http
                            (beside varnishtest), crowd, rest, proxy
EOF
}

build_packages='cmake gcc libc6-dev libedit-dev libjansson-dev liblua5.4-dev libpcre2-dev libssl-dev libyaml-dev ninja-build pkgconf
    uthash-dev zlib1g-dev'
servers='haproxy knot mosquitto nginx postgresql redis-server slurmctld slurmd'
# Programs that scenarios talk to; python3-pymodbus needs more than it says.
peers="bind9-dnsutils curl gnutls-bin gpg-agent iproute2 microsocks mosquitto-clients openssh-client openssl
    python3-aiosmtpd python3-pymodbus python3-serial python3-serial-asyncio python3-websockets slurm-client socat
    $servers"
test_packages="chromium chromium-driver clang clang-format clang-tidy dpkg-dev file fish groff-base libclang-rt-14-dev
    libcmocka-dev libxml2-utils mandoc mmdebstrap node-ajv node-js-yaml node-tap-parser nodejs python3-jsonschema
    python3-yaml tshark valgrind zsh $peers"

root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

say() {
    printf '%s: %s\n' "$0" "$*" >&2
}

die() {
    say "$@"
    exit 1
}

# Packages

missing() {
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) printf ' %s' "$package" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "installing packages needs root or sudo: apt-get install --no-install-recommends$lacking"
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

policy=/usr/sbin/policy-rc.d
policy_mark='sockrun: no service is started while its packages are installed'

# The tests start servers of their own: those of the packages stay stopped, now (policy-rc.d) and at the next boot.
hold_services() {
    if [ -e $policy ] && ! grep -qF "$policy_mark" $policy; then return; fi
    trap release_services EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\n# %s\nexit 101\n' "$policy_mark" | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
}

release_services() {
    if grep -qsF "$policy_mark" $policy; then as_root rm -f $policy; fi
    trap - EXIT HUP INT TERM
}

need() {
    if ! command -v dpkg-query >/dev/null; then return; fi
    lacking=$(missing "$@")
    if [ -z "$lacking" ]; then return; fi
    say "installing$lacking"
    stopped=
    for server in $servers; do
        case "$lacking " in *" $server "*) stopped="$stopped $server" ;; esac
    done
    if [ -n "$stopped" ]; then hold_services; fi
    apt update || say 'the package lists could not be brought up to date'
    # shellcheck disable=SC2086 # lists of words, here and below
    apt install --no-install-recommends $lacking || die 'the packages could not be installed'
    for server in $stopped; do as_root update-rc.d "$server" disable >&2; done
    release_services
}

# Building

# FOLDER [ENTRY]: is it configured, for this place, with this entry in its cache?
configured() {
    [ -f "$1/build.ninja" ] && grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$1/CMakeCache.txt" &&
        grep -qxF "${2:-CMAKE_GENERATOR:INTERNAL=Ninja}" "$1/CMakeCache.txt"
}

# PRESET FOLDER [OPTION...]. What another place or generator has left is no start: --fresh.
configure() {
    preset=$1 folder=$2
    shift 2
    configured "$folder" || set -- --fresh "$@"
    mkdir -p "$folder"
    if ! (cd "$root" && cmake --preset "$preset" "$@") >"$folder/configure.log" 2>&1; then
        cat "$folder/configure.log" >&2
        die "cmake could not configure $folder"
    fi
}

# FOLDER [OPTION | TARGET]...
compile() {
    if ! ninja -C "$@" >"$1/build.log" 2>&1; then
        grep -v '^\[[0-9]*/' "$1/build.log" >&2
        return 1
    fi
}

# The tests are made in the same folder, but only once somebody wants them: the program alone needs no cmocka.
build_program() {
    # shellcheck disable=SC2086
    need $build_packages
    [ -x "$root/build/sockrun" ] || say 'building sockrun'
    configured "$root/build" || configure release "$root/build" -DSOCKRUN_TESTS=OFF
    compile "$root/build" sockrun || die 'the build failed'
}

# PRESET FOLDER ON|OFF: with tests or without.
build_all() {
    configured "$2" "SOCKRUN_TESTS:BOOL=$3" || configure "$1" "$2" "-DSOCKRUN_TESTS=$3"
    compile "$2" -k 0
}

run_ctest() {
    folder=$1
    shift
    ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$(nproc)" "$@" </dev/null
}

# The source of the Lua that is installed, from where its package comes, with lists of its own: those of the system stay
# as they are.
fetch_lua_source() {
    folder=$root/build-dev/lua-source
    if [ -d "$folder/src" ] || ! command -v apt-get >/dev/null; then return; fi
    work=$root/build-dev/lua-package
    rm -rf "$work"
    mkdir -p "$folder" "$work/lists/partial" "$work/archives/partial" "$work/parts" "$work/source"
    : >"$work/list"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [ -f "$file" ]; then sed -n 's/^deb[[:space:]]/deb-src /p' "$file" >>"$work/list"; fi
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ]; then sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/parts/${file##*/}"; fi
    done
    version=$(dpkg-query -W -f '${source:Version}' liblua5.4-dev)
    set -- -q -o "Dir::Etc::sourcelist=$work/list" -o "Dir::Etc::sourceparts=$work/parts" \
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o "Dir::Cache::archives=$work/archives" \
        -o "APT::Sandbox::User=$(id -un)"
    (
        apt-get "$@" update && cd "$work/source" && apt-get "$@" source --download-only "lua5.4=$version" &&
            tar -xf lua5.4_*.orig.tar.* -C "$folder" --strip-components 1
    ) >"$work/log" 2>&1 </dev/null || {
        cat "$work/log" >&2
        return 1
    }
}

# Testing

# Goes on after a part that failed, so that one run says everything.
part() {
    name=$1
    shift
    say "$name"
    "$@" || failed="$failed${failed:+, }$name"
}

test_everything() {
    # shellcheck disable=SC2086
    need $build_packages $test_packages
    failed=
    part 'release build' build_all release "$root/build" ON
    part 'tests of the release build' run_ctest "$root/build"
    part 'source of Lua' fetch_lua_source
    part 'sanitized build' build_all dev "$root/build-dev" ON
    part 'tests of the sanitized build' run_ctest "$root/build-dev" --label-exclude source
    part 'clang-tidy' build_all tidy "$root/build-tidy" OFF
    part 'fuzzers' build_all fuzz "$root/build-fuzz" ON
    part 'fuzzing' run_ctest "$root/build-fuzz"
    [ -z "$failed" ] || die "failed: $failed"
    say 'everything passed'
}

case ${1-} in
run)
    shift
    build_program
    exec "$root/build/sockrun" "$@"
    ;;
build) build_program ;;
install)
    build_program
    compile "$root/build" share || die 'the build failed'
    cmake --install "$root/build" --prefix "${2:-/usr/local}" --strip
    ;;
package)
    need dpkg-dev file
    build_program
    compile "$root/build" share || die 'the build failed'
    (cd "$root/build" && cpack -G DEB)
    ;;
test) test_everything ;;
bench)
    shift
    servers="$servers varnish"
    need varnish
    build_program
    compile "$root/build" bench_programs || die 'the build failed'
    exec "$root/build/tests/bench/bench_measure" "$root/build/sockrun" "$root/build/tests/bench" "$@"
    ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 1
    ;;
esac
