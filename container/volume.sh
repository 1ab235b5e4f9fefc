# What start, backup and restore share: the volume with the data, and its lock.
# shellcheck shell=sh disable=SC2034,SC2154

data=${DATA_DIRECTORY:-/data}
# As an absolute path: start changes the working directory.
case $data in /*) ;; *) data=$PWD/$data ;; esac
database=$data/d1/$(cat "$here/database")
end_of_backup="-- End of the backup."

say() {
  echo "postern: $*" >&2
}

fail() {
  say "$*"
  exit 1
}

# Keeps the volume to this process, and to the workerd that replaces it, until it ends in any way.
lock_volume() {
  mkdir -p "$data" 2>/dev/null || fail "The folder $data doesn't exist and can't be created. Mount a volume there, or set DATA_DIRECTORY."
  # Other users of the machine have no business in it.
  umask 077
  # A redirection that fails would end the shell without a message of ours.
  : 2>/dev/null >>"$data/lock" || fail "User $(id -u) can't write to $data. Give the volume to this user: chown -R $(id -u) $data"
  exec 9>>"$data/lock"
  flock -n 9 || fail "Another Postern uses $data. Stop it first: two can't share one volume."
}

# Runs SQL from standard input on a database, and says what to do if the volume is full.
run_sql() {
  if ! message=$(sqlite3 -safe -batch -bail "$1" 2>&1); then
    case $message in
    *full* | *"I/O error"*) fail "The volume $data is full or fails: $message. Nothing was changed. Free space, then try again." ;;
    *) fail "$message" ;;
    esac
  fi
  [ -z "$message" ] || echo "$message"
}
