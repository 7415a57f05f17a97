#!/bin/sh
# Installs what is missing: setup.sh [example] [test]. Takes a second if nothing is missing.
#   always    npm packages (with Node, if the machine's is too old), the compiled program, the Temporal server
#   example   the Python environment of config/studies
#   test      what the tests need: Optuna, Globus Compute's daemon and others from PyPI; PostgreSQL, Chromium, sshd,
#             RabbitMQ, PyTorch, Java and Maven from Debian's packages, as root; Temporal's test server from Maven Central
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "setup: $*" >&2; }
fail() { printf '%s\n' "setup: $*" >&2; exit 1; }

# fresh FILE SOURCE...: whether the file is newer than all that it is made from
fresh() {
  made=$1
  shift
  [ -e "$made" ] && [ -z "$(find "$@" -newer "$made" -print -quit 2>/dev/null)" ]
}

command -v npm >/dev/null || fail "npm is missing; it comes with Node: https://nodejs.org"
command -v python3 >/dev/null || fail "python3 is missing; Perdure needs Python 3.10 or newer"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "python3 is $(python3 -V 2>&1); Perdure needs 3.10 or newer"

if ! fresh node_modules/.perdure-stamp package-lock.json; then
  say "installing npm packages"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  # Only these two packages may run their install scripts: one fetches Node, the other checks its binary.
  npm rebuild --foreground-scripts=false --loglevel=error node @swc/core >&2
  touch node_modules/.perdure-stamp
fi
PATH=$PWD/node_modules/.bin:$PATH

if ! fresh dist/workflow-bundle.js src package.json tsconfig.json tsconfig.build.json scripts/bundle-workflows.js scripts/build.sh; then
  say "compiling"
  npm run --silent build >&2
fi

# python_environment FOLDER REQUIREMENTS: makes a Python environment, or updates it if its requirements have changed. Its programs
# contain the absolute path of its Python, so one that was moved or copied is made again: the stamp says where it was made.
python_environment() {
  stamp=$1/.perdure-$(basename "$2")
  mkdir -p "$1"
  here=$(cd "$1" && pwd -P)
  fresh "$stamp" "$2" && [ "$(cat "$stamp")" = "$here" ] && return 0
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" != "$here" ]; then
    say "$1 was made elsewhere; making it anew"
    rm -rf "$1"
  fi
  [ -x "$1/bin/python" ] || python3 -m venv --clear "$1" || fail "python3 has no venv; on Debian: apt install python3-venv"
  say "installing $2"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2" >&2
  printf '%s\n' "$here" >"$stamp"
}

parts=" $* "
python_environment .venv requirements/temporal.txt
case $parts in
  *" test "*)
    python_environment .venv requirements/test.txt
    # A separate environment: Globus Compute pins packages of which others need newer versions.
    python_environment .venv/globus requirements/globus.txt
    ;;
esac

case $parts in
  *" example "* | *" test "*) python_environment config/studies/.venv config/studies/requirements.txt ;;
esac

case $parts in
  *" test "*)
    packages=
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages="$packages postgresql"
    command -v chromium >/dev/null || packages="$packages chromium"
    [ -x /usr/sbin/sshd ] || packages="$packages openssh-server"
    command -v ssh >/dev/null || packages="$packages openssh-client"
    command -v oathtool >/dev/null || packages="$packages oathtool"
    command -v tcsh >/dev/null || packages="$packages tcsh"
    ls /lib/*/security/pam_google_authenticator.so >/dev/null 2>&1 || packages="$packages libpam-google-authenticator"
    command -v ps >/dev/null || packages="$packages procps"
    command -v mpiexec >/dev/null || packages="$packages mpich"
    # Debian's PyTorch is for the CPU only; that of PyPI has gigabytes.
    /usr/bin/python3 -c "import torch" 2>/dev/null || packages="$packages python3-torch"
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || packages="$packages rabbitmq-server"
    command -v java >/dev/null || packages="$packages default-jre-headless"
    command -v mvn >/dev/null || packages="$packages maven"
    if [ -n "$packages" ]; then
      if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing Debian packages:$packages"
        # The tests make their own PostgreSQL clusters.
        mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
        apt-get update -qq >&2
        # Debian starts the servers that it installs, now and at each boot. The tests start their own.
        policy=/usr/sbin/policy-rc.d
        [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; trap 'rm -f "$policy"' EXIT; }
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
        case $packages in
          *rabbitmq-server*) ! command -v systemctl >/dev/null || systemctl disable --quiet rabbitmq-server epmd 2>/dev/null || : ;;
        esac
      else
        say "tests that need$packages will be skipped"
      fi
    fi
    ;;
esac

# The time-skipping test server of the workflow tests: the jars and a program that starts it.
case $parts in
  *" test "*)
    server=node_modules/.cache/temporal-test-server
    if ! fresh "$server/temporal-test-server" scripts/temporal-test-server.xml; then
      if command -v java >/dev/null && command -v mvn >/dev/null; then
        say "installing Temporal's test server"
        rm -rf "$server"
        mvn --quiet --batch-mode --file scripts/temporal-test-server.xml dependency:copy-dependencies \
          -DoutputDirectory="$PWD/$server/lib" >&2 || fail "Maven could not install Temporal's test server"
        # The server runs for seconds: the optimising compiler and a parallel garbage collector would cost more than they save.
        printf '%s\n' '#!/bin/sh' \
          'exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"' \
          >"$server/temporal-test-server"
        chmod +x "$server/temporal-test-server"
      else
        say "tests of workflows that need Java and Maven will be skipped"
      fi
    fi
    ;;
esac
