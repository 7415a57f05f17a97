# What Perdure does on the login node of a PBS site: functions of POSIX sh that are sent with each request, in front of the
# calls. Nothing of it is installed there. An answer is a line `WORD NUMBER TEXT`, or `data NUMBER NAME LENGTH` and so many
# bytes and a newline; NUMBER says which call it belongs to. All paths are relative to the site's working directory.
LC_ALL=C
# A command by ssh may find next to nothing.
PATH=${PATH:+$PATH:}/usr/bin:/bin
export LC_ALL PATH
# What people set for themselves: where cd looks, how grep prints, what qsub takes for a directive.
unset CDPATH GREP_OPTIONS PBS_DPREFIX
umask 077
# A request that was sent is carried out, even where nobody waits for the answer any more.
trap '' HUP PIPE

say() { printf '%s\n' "$*"; }

# say_text NUMBER NAME TEXT
say_text() { printf 'data %s %s %s\n%s\n' "$1" "$2" "${#3}" "$3"; }

# say_file NUMBER NAME FILE FROM MOST: bytes of a file from an offset on; nothing where there are none.
say_file() {
  [ -f "$3" ] && [ -r "$3" ] || return 0
  perdure_size=$(($(wc -c <"$3") - $4))
  [ "$perdure_size" -gt 0 ] || return 0
  [ "$perdure_size" -le "$5" ] || perdure_size=$5
  printf 'data %s %s %s\n' "$1" "$2" "$perdure_size"
  # Padded to the length that was said, should the file have been cut meanwhile.
  { tail -c "+$(($4 + 1))" "$3" | head -c "$perdure_size"; head -c "$perdure_size" /dev/zero; } | head -c "$perdure_size"
  echo
}

# enter DIRECTORY PBS_BIN SECONDS: goes to the working directory and finds PBS' commands.
enter() {
  mkdir -p "$1" && cd "$1" && mkdir -p files shim jobs ready blocks news || {
    say "failed - the working directory can't be used"
    exit 3
  }
  perdure_bin=$2
  perdure_full=
  perdure_timeout=
  if command -v timeout >/dev/null 2>&1; then perdure_timeout="timeout -k 5 $3"; fi
  # Seconds that the four commands of PBS between counting and submitting may take, and what is around them.
  perdure_longest=$((4 * ($3 + 6) + 30))
}

# find_pbs NUMBER: where qsub is, by PATH, PBS' configuration file, a login shell, or where PBS puts itself.
find_pbs() {
  perdure_found=$(command -v qsub)
  # As in PBS' own commands.
  perdure_conf=${PBS_CONF_FILE:-/etc/pbs.conf}
  if [ -z "$perdure_found" ] && [ -r "$perdure_conf" ]; then
    perdure_exec=$(sed -n 's/^PBS_EXEC=//p' "$perdure_conf" | tail -n 1)
    if [ -x "$perdure_exec/bin/qsub" ]; then perdure_found=$perdure_exec/bin/qsub; fi
  fi
  if [ -z "$perdure_found" ]; then
    # Whatever its start-up files print, at the end too, is no such path; an alias or a function is no file.
    perdure_found=$(bash -lc 'type -P qsub' </dev/null 2>/dev/null | grep '^/.*/qsub$' | tail -n 1)
  fi
  if [ -z "$perdure_found" ] && [ -x /opt/pbs/bin/qsub ]; then perdure_found=/opt/pbs/bin/qsub; fi
  case $perdure_found in
    /*) say "found $1 ${perdure_found%/*}" ;;
    *) say "absent $1" ;;
  esac
}

# check_pbs: says where the commands of PBS are not any more, as after an update of it.
check_pbs() { [ -z "$perdure_bin" ] || [ -x "$perdure_bin/qsub" ] || say 'astray -'; }

# pbs COMMAND ARGUMENT...: a command of PBS, which may hang for ever where its server does.
pbs() {
  perdure_command=$perdure_bin/$1
  shift
  # shellcheck disable=SC2086
  $perdure_timeout "$perdure_command" "$@" </dev/null
}

# select_named NAME: the jobs of that name, the ended ones too where PBS keeps a history. Where it keeps none (error 36), OpenPBS' own
# client says so and ends with 0, as if there were no job.
select_named() {
  perdure_ids=$(pbs qselect -x -N "$1" 2>&1)
  perdure_code=$?
  case $perdure_code:$perdure_ids in
    36:* | *'not configured to maintain job history'*)
      perdure_ids=$(pbs qselect -N "$1" 2>&1)
      perdure_code=$?
      ;;
  esac
  perdure_id=$(printf '%s\n' "$perdure_ids" | grep -E '^[0-9]+(\[\])?\.[A-Za-z0-9._:-]+$' | head -n 1)
  return "$perdure_code"
}

# is_ours ID: sets perdure_job to what is known of a job. qselect may name the server in another way than qsub did.
is_ours() {
  perdure_job=jobs/$1
  [ ! -e "$perdure_job" ] || return 0
  for perdure_job in "jobs/${1%%.*}".*; do
    case $perdure_job in *.tmp) continue ;; esac
    [ ! -e "$perdure_job" ] || return 0
  done
  return 1
}

# have NUMBER FILE: whether a file is there.
have() { if [ -e "$2" ]; then say "yes $1"; else say "no $1"; fi; }

# begin_attempt NUMBER PATH: fails where the attempt's directory is there already, staged or stopped.
begin_attempt() {
  perdure_wrong=
  perdure_new=$2.$$.tmp
  # The wrapper of a later attempt takes the checkpoint of an earlier one.
  perdure_made=${2%/*}
  case $2 in */a1) perdure_made=$perdure_made/checkpoint ;; esac
  perdure_said=$(mkdir -p "$perdure_made" 2>&1) || perdure_wrong=$perdure_said
  [ ! -e "$2" ] || return 1
  rm -rf "$perdure_new"
  perdure_said=$(mkdir -p "$perdure_new/.perdure" 2>&1) || perdure_wrong=$perdure_said
}

# put_file PATH SHA256 MODE: a file of the study, from the copy that the site has.
put_file() {
  case $1 in */*) mkdir -p "$perdure_new/${1%/*}" ;; esac
  if [ ! -e "files/$2" ]; then
    perdure_wrong=missing
  else
    perdure_said=$({ cp "files/$2" "$perdure_new/$1" && chmod "$3" "$perdure_new/$1"; } 2>&1) || perdure_wrong=$perdure_said
  fi
}

# put_text PATH TEXT
put_text() {
  # Over a quota the error may come with the closing, of which a shell says nothing.
  { printf '%s' "$2" >"$perdure_new/$1"; } 2>/dev/null && { [ -s "$perdure_new/$1" ] || [ -z "$2" ]; } && return
  # Some shells know no better words than "I/O error".
  perdure_said=$({ printf '%s' "$2" | cat >"$perdure_new/$1"; } 2>&1)
  [ -n "$perdure_wrong" ] || perdure_wrong="can't write $1: ${perdure_said##*: }"
}

# end_attempt NUMBER PATH: the directory appears whole, or not at all.
end_attempt() {
  if [ -z "$perdure_wrong" ]; then
    # Somebody else may have been faster.
    mv -T "$perdure_new" "$2" 2>/dev/null || [ -e "$2" ] || perdure_wrong="can't rename"
  fi
  rm -rf "$perdure_new"
  [ -z "$perdure_wrong" ] && return 0
  say "unstaged $1 $(printf '%s' "$perdure_wrong" | tail -n 1)"
  return 1
}

# write_line FILE TEXT: a line by rename.
write_line() { printf '%s\n' "$2" >"$1.$$.tmp" && mv -f "$1.$$.tmp" "$1"; }

# count_jobs: how many jobs of this site are in the queue or run.
count_jobs() {
  perdure_ids=$(pbs qselect -u "$(id -un)" 2>&1) || return 1
  perdure_count=0
  for perdure_id in $perdure_ids; do
    if is_ours "$perdure_id"; then perdure_count=$((perdure_count + 1)); fi
  done
}

# ask_pbs NUMBER: whether PBS' server answers.
ask_pbs() {
  if perdure_ids=$(pbs qselect -u "$(id -un)" 2>&1); then say "answers $1"; else say_text "$1" qselect "$perdure_ids"; fi
}

# submit NUMBER DIRECTORY NAME LIMIT GRACE: makes the job of DIRECTORY/.perdure/job.sh exist once, and says its id.
submit() {
  perdure_at=$2/.perdure
  if [ -s "$perdure_at/jobid" ]; then
    read -r perdure_id <"$perdure_at/jobid"
    say "job $1 $perdure_id"
  elif [ -e "$perdure_at/stop" ] || [ -e "$perdure_at/tombstone" ]; then
    say "stopped $1"
  elif perdure_said=$(mkdir "$perdure_at/submit" 2>&1); then
    enqueue "$1" "$2" "$4"
  elif [ -d "$perdure_at/submit" ]; then
    adopt "$1" "$2" "$3" "$4" "$5"
  else
    say "failed $1 the marker of a submission can't be made: ${perdure_said##*: }"
  fi
}

# count_mine: how many jobs of the user's are in the queue or run, Perdure's or not; - where PBS does not say.
count_mine() {
  perdure_mine=-
  perdure_ids=$(pbs qselect -u "$(id -un)" 2>/dev/null) || return 0
  perdure_mine=0
  for perdure_id in $perdure_ids; do perdure_mine=$((perdure_mine + 1)); done
}

# age_of PATH: its seconds. Both times are the file server's, whose clock may be another one than this host's.
age_of() {
  command : >"$1.$$.now" 2>/dev/null
  perdure_now=$(stat -c %Y "$1.$$.now" 2>/dev/null || date +%s)
  rm -f "$1.$$.now"
  perdure_since=$(stat -c %Y "$1" 2>/dev/null || echo "$perdure_now")
  echo $((perdure_now - perdure_since))
}

# take_turn: to count the jobs and add one is one step among all workers of the site, whatever login nodes they are on: on any file
# system one alone makes a directory. Fails where others have it for a quarter of a minute. Who died with it is not waited for for ever.
take_turn() {
  perdure_try=0
  while [ "$perdure_try" -lt 50 ]; do
    perdure_try=$((perdure_try + 1))
    if perdure_said=$(mkdir .turn 2>&1); then return 0; fi
    if [ "$perdure_try" -eq 1 ] && [ -d .turn ] && [ "$(age_of .turn)" -gt "$perdure_longest" ]; then
      # Only one can move it away.
      if mv -T .turn ".turn.$$" 2>/dev/null; then rmdir ".turn.$$"; fi
    else
      sleep 0.3 2>/dev/null || sleep 1
    fi
  done
  return 1
}

# enqueue NUMBER DIRECTORY LIMIT: by whoever made the marker.
enqueue() {
  # What a job before it in this request met with, by a limit on their number: this one would meet with it too.
  if [ -n "$perdure_full" ]; then
    rmdir "$perdure_at/submit"
    say "full $1"
    [ "$perdure_full" = limit ] || say_text "$1" qsub "$perdure_full"
  elif [ "$3" = - ]; then
    enqueue_now "$1" "$2"
  elif take_turn; then
    if ! count_jobs; then
      rmdir "$perdure_at/submit"
      say_text "$1" qselect "$perdure_ids"
    elif [ "$perdure_count" -ge "$3" ]; then
      rmdir "$perdure_at/submit"
      perdure_full=limit
      say "full $1"
    else
      enqueue_now "$1" "$2"
    fi
    rmdir .turn
  else
    rmdir "$perdure_at/submit"
    case $perdure_said in
      *'File exists'*)
        perdure_full='another worker of this site is submitting jobs'
        say "full $1"
        say_text "$1" qsub "$perdure_full"
        ;;
      *) say "failed $1 the jobs can't be counted: ${perdure_said##*: }" ;;
    esac
  fi
}

# other_tmpdir: somewhere else for the copy that qsub makes of its script, where its own place for that is gone or full.
other_tmpdir() {
  for perdure_tmp in /tmp /var/tmp /dev/shm "$PWD"; do
    perdure_copy=$(mktemp "$perdure_tmp/.perdure-write.XXXXXX" 2>/dev/null) || continue
    { printf x >"$perdure_copy"; } 2>/dev/null
    perdure_line=full
    [ ! -s "$perdure_copy" ] || perdure_line=
    rm -f "$perdure_copy"
    [ -z "$perdure_line" ] || continue
    TMPDIR=$perdure_tmp
    PBS_TMPDIR=$perdure_tmp
    export TMPDIR PBS_TMPDIR
    return 0
  done
  return 1
}

# enqueue_now NUMBER DIRECTORY
enqueue_now() {
  for perdure_turn in first second; do
    perdure_said=$(cd "$perdure_at" && pbs qsub job.sh 2>&1)
    perdure_code=$?
    # Sites print words of their own around it, and numbers too.
    perdure_ids=$(printf '%s\n' "$perdure_said" | tr -d ' \t\r' | grep -E '^[0-9]+(\[\])?(\.[A-Za-z0-9._:-]+)?$')
    perdure_id=$(printf '%s\n' "$perdure_ids" | grep '\.[A-Za-z]' | tail -n 1)
    [ -n "$perdure_id" ] || perdure_id=$(printf '%s\n' "$perdure_ids" | tail -n 1)
    if [ "$perdure_code" -eq 0 ] && [ -n "$perdure_id" ]; then
      keep_job "$1" "$2" "$perdure_id"
      return
    fi
    case $perdure_turn:$perdure_code:$perdure_said in
      first:1:*'tmp file'* | first:1:*'copy of script'*) if other_tmpdir; then continue; fi ;;
    esac
    count_mine
    # A limit without a job of the user's: the one that was in the way may have ended just now.
    case $perdure_turn:$perdure_mine:$perdure_code in first:0:38 | first:0:39 | first:0:198) ;; *) break ;; esac
  done
  case $perdure_code in
    # Nobody knows whether the job is there: the marker stays, and the next one looks.
    0 | 124 | 12[89] | 1[34]? | 15[012] | 163 | 183 | 255) ;;
    *) rmdir "$perdure_at/submit" ;;
  esac
  say "refused $1 $perdure_code $perdure_mine"
  say_text "$1" qsub "$perdure_said"
  case $perdure_code:$perdure_mine in
    38:0 | 198:0) ;;
    38:* | 198:*) perdure_full=$perdure_said ;;
  esac
}

# adopt NUMBER DIRECTORY NAME LIMIT GRACE: a submission was begun and its end is not known.
adopt() {
  if ! select_named "$3"; then
    say_text "$1" qselect "$perdure_ids"
    return
  fi
  if [ -n "$perdure_id" ]; then
    keep_job "$1" "$2" "$perdure_id"
    return
  fi
  if [ "$(age_of "$perdure_at/submit")" -lt "$5" ]; then
    say "wait $1"
    return
  fi
  # Only one can move it away; whatever job should come after all ends itself at the fence.
  if mv -T "$perdure_at/submit" "$perdure_at/submit.$$" 2>/dev/null && rmdir "$perdure_at/submit.$$" &&
    mkdir "$perdure_at/submit" 2>/dev/null; then
    enqueue "$1" "$2" "$4"
  else
    say "wait $1"
  fi
}

# keep_job NUMBER DIRECTORY ID
keep_job() {
  write_line "jobs/$3" "$2"
  write_line "$perdure_at/jobid" "$3"
  say "job $1 $3"
}

# make_ready NUMBER PATH NAME TEXT: hands a staged attempt to whichever block takes it first.
make_ready() {
  if [ -e "$2/.perdure/stop" ] || [ -e "$2/.perdure/tombstone" ]; then
    say "stopped $1"
  elif [ -e "$2/.perdure/queued" ]; then
    say "queued $1"
  elif printf '%s' "$4" >"$2/.perdure/ready.$$.tmp" && command : >"$2/.perdure/queued.tmp" && mv -f "$2/.perdure/ready.$$.tmp" "ready/$3"; then
    # Should this line not be reached, the trial is made ready again, and the fence lets one of the two run.
    mv -f "$2/.perdure/queued.tmp" "$2/.perdure/queued"
    say "queued $1"
  else
    say "unstaged $1 can't write"
  fi
}

# say_line NUMBER WORD FILE: its first line.
say_line() {
  [ -e "$3" ] || return 0
  perdure_line=
  read -r perdure_line <"$3" 2>/dev/null
  say "$2 $1 $perdure_line"
}

# say_word NUMBER WORD FILE: its first line, once that is whole: on a full disk it may be none.
say_word() {
  [ -e "$3" ] && { read -r perdure_line <"$3"; } 2>/dev/null && say "$2 $1 $perdure_line"
}

# look NUMBER PATH NAME FROM: what an attempt's directory tells, and what it has reported from an offset on.
look() {
  perdure_at=$2/.perdure
  if [ ! -d "$perdure_at" ]; then
    # A file system that fails does not say that it is not there.
    case $(ls -d "$perdure_at" 2>&1) in *'No such file or directory'*) say "gone $1" ;; esac
    return
  fi
  # A file server's client remembers that a file was not there; to open the directory makes it ask.
  for perdure_line in "$perdure_at"/*; do break; done
  # What tells of an end is read first: whatever is seen after it was there when it was written.
  say_word "$1" status "$perdure_at/status"
  say_line "$1" settled "$perdure_at/settled"
  say_line "$1" unfinished "$perdure_at/unfinished"
  if [ -e "$perdure_at/result.json" ]; then say "result $1"; fi
  say_line "$1" stop "$perdure_at/stop"
  say_line "$1" tombstone "$perdure_at/tombstone"
  say_line "$1" owner "$perdure_at/owner"
  if [ ! -e "$perdure_at/owner" ]; then
    if replacing "$2"; then
      say "replaced $1 $perdure_earlier"
    elif late_result "$2"; then
      say "late $1 $perdure_earlier"
    fi
  fi
  say_line "$1" beat "$perdure_at/beat"
  say_line "$1" jobid "$perdure_at/jobid"
  if [ -e "$perdure_at/block" ]; then
    say_line "$1" block "$perdure_at/block"
  elif [ -e "ready/$3" ]; then
    say "ready $1"
  else
    for perdure_taken in blocks/*/taken/"$3"; do
      [ -e "$perdure_taken" ] || continue
      perdure_taken=${perdure_taken#blocks/}
      say "block $1 ${perdure_taken%%/*}"
    done
  fi
  if [ -s "$perdure_at/intermediate.jsonl" ]; then
    say_file "$1" reports "$perdure_at/intermediate.jsonl" "$4" 1048576
  fi
  say "looked $1"
}

# list_jobs NUMBER FORMAT HISTORY ID...: PBS' listing, without the lines that nobody reads. HISTORY: whether it is asked for
# ended jobs too, which a server that keeps no history refuses (36).
list_jobs() {
  perdure_number=$1
  perdure_form=
  [ "$2" = text ] || perdure_form='-F json'
  [ "$3" = no ] || perdure_form="-x $perdure_form"
  shift 3
  perdure_error=$(mktemp 2>/dev/null || mktemp ./.perdure-write.XXXXXX 2>/dev/null || echo /dev/null)
  # shellcheck disable=SC2086
  perdure_said=$(
    {
      pbs qstat -f $perdure_form "$@" 2>"$perdure_error"
      printf '\nperdure-code %s\n' "$?"
    } | awk '
      /^[{}]/ || /^Job Id:/ || /^perdure-code/ { print; next }
      /^(        |\t\t)"[^"]*":[ \t]*[{]/ { print; next }
      /^(            |\t\t\t)"(job_state|substate|Exit_status|comment)":/ { print; next }
      # A line of text goes on where the next one begins with a tab.
      /^    [A-Za-z_.]+ = / { kept = /^    (job_state|substate|Exit_status|comment) = /; if (kept) print; next }
      /^\t/ { if (kept) print }'
  )
  say_text "$perdure_number" listing "$perdure_said"
  say_text "$perdure_number" listing-error "$(tail -c 200000 "$perdure_error")"
  [ "$perdure_error" = /dev/null ] || rm -f "$perdure_error"
}

# stop_attempt NUMBER PATH NAME JOBNAME TEXT: the attempt never starts, or is ended; the first reason stays.
stop_attempt() {
  perdure_at=$2/.perdure
  if [ ! -e "$2" ]; then
    mkdir -p "$2.$$.tmp/.perdure"
    printf '%s' "$5" >"$2.$$.tmp/.perdure/stop"
    mv -T "$2.$$.tmp" "$2" 2>/dev/null || rm -rf "$2.$$.tmp"
  fi
  if [ ! -e "$perdure_at/stop" ]; then
    printf '%s' "$5" >"$perdure_at/stop.$$.tmp"
    ln "$perdure_at/stop.$$.tmp" "$perdure_at/stop" 2>/dev/null
    rm -f "$perdure_at/stop.$$.tmp"
  fi
  rm -f "ready/$3"
  [ -e "$perdure_at/stop" ] || {
    say "failed $1 the attempt's directory can't be written to"
    return
  }
  perdure_id=
  if [ -s "$perdure_at/jobid" ]; then
    read -r perdure_id <"$perdure_at/jobid"
  elif [ -d "$perdure_at/submit" ]; then
    if ! select_named "$4"; then
      say_text "$1" qselect "$perdure_ids"
      return
    fi
  fi
  if [ -n "$perdure_id" ] && [ ! -e "$perdure_at/status" ]; then
    perdure_said=$(pbs qdel "$perdure_id" 2>&1)
    say "deleted $1 $?"
    say_text "$1" qdel "$perdure_said"
  else
    say "deleted $1 0"
  fi
}

# delete_job NUMBER ID: a job that has nothing to do any more.
delete_job() {
  perdure_said=$(pbs qdel "$2" 2>&1)
  say "deleted $1 $?"
}

# mark NUMBER PATH: makes should_prune() true.
mark() {
  if command : >"$2/.perdure/prune"; then say "yes $1"; else say "failed $1 can't write"; fi
}

# has_checkpoint NUMBER PATH: whether an attempt finds something in the checkpoint that it has or would take over.
has_checkpoint() {
  perdure_earlier=$((${2##*/a} + 1))
  while perdure_earlier=$((perdure_earlier - 1)) && [ "$perdure_earlier" -gt 0 ]; do
    perdure_made=${2%/*}/checkpoint.$perdure_earlier
    [ "$perdure_earlier" -gt 1 ] || perdure_made=${2%/*}/checkpoint
    [ -d "$perdure_made" ] || continue
    if [ -n "$(ls -A "$perdure_made" 2>/dev/null)" ]; then say "yes $1"; else say "no $1"; fi
    return
  done
  say "no $1"
}

# fetch NUMBER PATH NAME FROM: what an ended attempt left.
fetch() {
  perdure_counted=$2
  if replacing "$2"; then
    perdure_counted=${2%/*}/a$perdure_earlier
    say "replaced $1 $perdure_earlier"
  fi
  perdure_at=$perdure_counted/.perdure
  say_file "$1" result "$perdure_at/result.json" 0 1048577
  say_file "$1" error "$perdure_at/result.json.error" 0 16384
  say_file "$1" reports "$perdure_at/intermediate.jsonl" "$4" 16777216
  if [ -e "$perdure_at/prune" ]; then say "prune $1"; fi
  if [ -e "$perdure_at/prune.seen" ]; then say "seen $1"; fi
  say_tail "$1" tail "$perdure_counted/output.log" 8196
  for perdure_output in "$perdure_at"/*.o[0-9]* "$perdure_at"/*.OU; do
    if [ -s "$perdure_output" ]; then say_tail "$1" job-output "$perdure_output" 4096; fi
  done
  rm -f "ready/$3" "news/$3"
  say "fetched $1"
}

# say_tail NUMBER NAME FILE MOST: the last bytes of a file.
say_tail() {
  [ -f "$3" ] && [ -r "$3" ] || return 0
  perdure_from=$(($(wc -c <"$3") - $4))
  [ "$perdure_from" -gt 0 ] || perdure_from=0
  say_file "$1" "$2" "$3" "$perdure_from" "$4"
}

# list_blocks NUMBER: how many trials are ready, and the blocks there are.
list_blocks() {
  perdure_count=0
  for perdure_ready in ready/*; do
    case $perdure_ready in *.tmp) continue ;; esac
    if [ -e "$perdure_ready" ]; then perdure_count=$((perdure_count + 1)); fi
  done
  say "count $1 $perdure_count"
  for perdure_block in blocks/b*; do
    case $perdure_block in *.tmp) continue ;; esac
    [ -d "$perdure_block" ] || continue
    perdure_id=-
    if [ -s "$perdure_block/.perdure/jobid" ]; then read -r perdure_id <"$perdure_block/.perdure/jobid"; fi
    if [ -e "$perdure_block/over" ]; then
      say "over $1 ${perdure_block#blocks/} $perdure_id"
    else
      say "block $1 ${perdure_block#blocks/} $perdure_id"
      say_file "$1" "${perdure_block#blocks/}" "$perdure_block/pilot.json" 0 65536
    fi
  done
}

# make_block NUMBER NAME TEXT: its directory with the job's script, whole or not at all.
make_block() {
  perdure_new=blocks/$2.$$.tmp
  if [ ! -d "blocks/$2" ]; then
    mkdir -p "$perdure_new/.perdure" "$perdure_new/taken" && printf '%s' "$3" >"$perdure_new/.perdure/job.sh" &&
      mv -T "$perdure_new" "blocks/$2" 2>/dev/null
    rm -rf "$perdure_new"
  fi
  [ -d "blocks/$2" ] || say "failed $1 a block's directory can't be made"
}

# end_block NUMBER NAME: its job is over.
end_block() { command : >"blocks/$2/over" && say "yes $1"; }

# read_log NUMBER PATH SOURCE FROM MOST: what the trial has printed; until it prints, what its job did. FROM counts in SOURCE.
read_log() {
  if [ ! -d "$2/.perdure" ]; then
    say "gone $1"
    return
  fi
  perdure_source=none
  perdure_printed=/dev/null
  if [ -s "$2/output.log" ]; then
    perdure_source=trial
    perdure_printed=$2/output.log
  else
    for perdure_output in "$2"/.perdure/*.o[0-9]* "$2"/.perdure/*.OU; do
      [ -f "$perdure_output" ] && [ -s "$perdure_output" ] || continue
      perdure_source=job
      perdure_printed=$perdure_output
    done
  fi
  perdure_from=$4
  [ "$perdure_source" = "$3" ] || perdure_from=0
  say "log $1 $perdure_source $perdure_from $(($(wc -c <"$perdure_printed")))"
  say_file "$1" log "$perdure_printed" "$perdure_from" "$5"
}

# my_jobs NUMBER: the user's jobs that are queued or run; fails where PBS does not say. None where the site is not one of PBS.
my_jobs() {
  perdure_ids=
  [ -n "$perdure_bin" ] || return 0
  perdure_ids=$(pbs qselect -u "$(id -un)" 2>&1) && return 0
  say_text "$1" qselect "$perdure_ids"
  return 1
}

# survey NUMBER SECONDS SHIM: what nobody has written to for so long, and what jobs still need.
survey() {
  my_jobs "$1" || return 0
  for perdure_id in $perdure_ids; do
    is_ours "$perdure_id" || continue
    say "live $1 $perdure_job"
    say_line "$1" live "$perdure_job"
    read -r perdure_block <"$perdure_job" || continue
    for perdure_taken in "$perdure_block"/taken/*; do say_attempt "$1" "$perdure_taken"; done
  done
  for perdure_ready in ready/*; do say_attempt "$1" "$perdure_ready"; done
  perdure_block=
  for perdure_block in blocks/b*[0-9]; do
    if [ -e "$perdure_block/over" ] || [ -s "$perdure_block/.perdure/jobid" ]; then say "ended $1 $perdure_block"; fi
  done
  say "last $1 $perdure_block"
  for perdure_output in .removed-*; do
    if [ -e "$perdure_output" ]; then say "old $1 $perdure_output"; fi
  done
  perdure_hex='[0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
  perdure_studies=$perdure_hex$perdure_hex$perdure_hex$perdure_hex
  for perdure_shim in shim/*; do
    [ "$perdure_shim" != "$3" ] && [ -d "$perdure_shim" ] || continue
    # shellcheck disable=SC2086
    if [ -n "$(find $perdure_studies blocks prepared -maxdepth 4 -path '*/.perdure/*' \( -name run.sh -o -name job.sh \) \
      -exec grep -lF "$perdure_shim" {} + 2>/dev/null | head -n 1)" ]; then say "shim $1 $perdure_shim"; fi
  done
  say "shim $1 $3"
  # shellcheck disable=SC2086
  {
    find $perdure_studies -mindepth 1 -maxdepth 3 -printf '%T@ %p\n' 2>/dev/null
    find files shim blocks jobs news -mindepth 1 -maxdepth 1 ! -name '*.tmp' -printf '%T@ %p\n'
  } | awk -v number="$1" -v before=$(($(date +%s) - $2)) '
    { at = $1 + 0; sub(/^[^ ]* /, ""); if (split($0, part, "/") < 2) next; name = part[1] "/" part[2] }
    at > newest[name] { newest[name] = at }
    END { for (name in newest) if (newest[name] < before) print "old " number " " name }'
  say "surveyed $1"
}

# say_attempt NUMBER FILE: the attempt that a file is named for; its name is STUDY.NUMBER.ATTEMPT.
say_attempt() {
  [ -e "$2" ] || return 0
  perdure_name=${2##*/}
  perdure_rest=${perdure_name#*.}
  say "live $1 ${perdure_name%%.*}/${perdure_rest%.*}/a${perdure_rest#*.}"
}

# weigh NUMBER PATH...: the kilobytes that they take.
weigh() {
  perdure_number=$1
  shift
  say "kilobytes $perdure_number $(du -skc -- "$@" 2>/dev/null | awk 'END { print $1 + 0 }')"
}

# remove NUMBER PATH...: away with them, by another name first: what is half removed must not look like what it was.
remove() {
  perdure_number=$1
  shift
  perdure_new=.removed-$(date +%s)-$$
  mkdir "$perdure_new" || {
    say "failed $perdure_number can't write to the working directory"
    return
  }
  for perdure_path in "$@"; do
    mv "$perdure_path" "$perdure_new/${perdure_path%%/*}-${perdure_path##*/}" 2>/dev/null
    # The last trial of a study; others keep the directory.
    case $perdure_path in files/* | shim/* | blocks/* | jobs/* | news/* | .*) ;; *) rmdir "${perdure_path%/*}" 2>/dev/null ;; esac
  done
  rm -rf "$perdure_new"
  say "removed $perdure_number"
}

# tell_site NUMBER SETUP: what a person wants to know of the site, and the jobs there that bear a name of ours.
tell_site() {
  perdure_said=$(mktemp ./.perdure-write.XXXXXX 2>&1) && rm -f "$perdure_said" && say "writable $1 $PWD"
  perdure_said=$(pbs qstat --version 2>&1)
  say "version $1 $? $(printf '%s\n' "$perdure_said" | tail -n 1)"
  # As trials find it.
  # shellcheck disable=SC2086
  perdure_said=$($perdure_timeout bash -lc "$2
python3 --version" </dev/null 2>&1)
  perdure_line=$(printf '%s\n' "$perdure_said" | grep '^Python [0-9]' | tail -n 1)
  [ -n "$perdure_line" ] || perdure_line=$(printf '%s\n' "$perdure_said" | tail -n 1)
  say "python $1 $perdure_line"
  my_jobs "$1" || return 0
  [ -n "$perdure_ids" ] || return 0
  # shellcheck disable=SC2086
  pbs qstat -f $perdure_ids 2>/dev/null | PERDURE_HERE=$PWD awk '
    function tell() {
      if (name ~ /^pd_/) {
        at = index(record, ENVIRON["PERDURE_HERE"] "/")
        rest = at ? substr(record, at + length(ENVIRON["PERDURE_HERE"]) + 1) : ""
        if (!match(rest, /^[0-9a-z]+\/[0-9a-f]+(\/a[0-9]+)?/)) RLENGTH = 0
        print id, name, (RLENGTH > 0 ? substr(rest, 1, RLENGTH) : "-")
      }
      id = name = record = ""
    }
    /^Job Id: / { tell(); id = $3; next }
    /^    Job_Name = / { name = $3 }
    { sub(/^\t/, ""); record = record $0 }
    END { tell() }' | while read -r perdure_id perdure_name perdure_path; do
    if is_ours "$perdure_id"; then read -r perdure_path <"$perdure_job"; fi
    say "job $1 $perdure_id $perdure_name $perdure_path"
  done
}

# endpoint_log NUMBER ID: the end of what an endpoint of Globus Compute in this account has logged last: its manager, or one of the
# processes that run its tasks. Plain characters only.
endpoint_log() {
  perdure_globus=${GLOBUS_COMPUTE_USER_DIR:-$HOME/.globus_compute}
  perdure_newest=
  for perdure_log in "$perdure_globus/uep.$2".*/endpoint.log "$perdure_globus"/*/endpoint.log; do
    [ -s "$perdure_log" ] || continue
    case $perdure_log in
      */uep."$2".*) ;;
      *) grep -q "$2" "${perdure_log%.log}.json" 2>/dev/null || continue ;;
    esac
    [ -z "$perdure_newest" ] || [ "$perdure_log" -nt "$perdure_newest" ] || continue
    perdure_newest=$perdure_log
  done
  [ -n "$perdure_newest" ] || return 0
  say_text "$1" log "$(tail -n 8 "$perdure_newest" | LC_ALL=C tr -cd '\12\40-\176' | cut -c 1-300)"
}

# watch_news: a line for each trial of a block that has begun or ended, until nobody listens.
watch_news() {
  trap - HUP PIPE
  perdure_told=' '
  perdure_turn=0
  while :; do
    perdure_now=' '
    for perdure_file in news/*; do
      case $perdure_file in *.tmp) continue ;; esac
      perdure_word=
      read -r perdure_word <"$perdure_file" 2>/dev/null || [ -n "$perdure_word" ] || continue
      perdure_item=${perdure_file#news/}=$perdure_word
      perdure_now="$perdure_now$perdure_item "
      case $perdure_told in
        *" $perdure_item "*) ;;
        *) say "news $perdure_item" || exit 0 ;;
      esac
    done
    perdure_told=$perdure_now
    # Writing is the only way to notice that the reader has closed the channel. The transport waits five seconds for that where its server
    # does not pass on signals.
    perdure_turn=$((perdure_turn + 1))
    if [ $((perdure_turn % 4)) -eq 0 ]; then say alive || exit 0; fi
    sleep 0.5 2>/dev/null || sleep 1
  done
}

# ensure_attempt PATH: makes an attempt's directory again if it was removed.
ensure_attempt() {
  [ ! -d "$1/.perdure" ] || return 0
  mkdir -p "$1.$$.tmp/.perdure" && mv -T "$1.$$.tmp" "$1" 2>/dev/null
  rm -rf "$1.$$.tmp"
  mkdir -p "$1/.perdure"
}

# write_once FILE TEXT: writes a file that does not exist yet; an existing one stays. Fails if there is no file with text after that.
write_once() {
  [ ! -e "$1" ] || return 0
  printf '%s' "$2" >"$1.$$.tmp"
  ln "$1.$$.tmp" "$1" 2>/dev/null
  rm -f "$1.$$.tmp"
  [ -s "$1" ]
}

# give_up NUMBER PATH NAME ID BLOCK TEXT FROM: writes the attempt's tombstone, so that it does not begin and a pilot ends it. ID is the
# job to delete, or -. BLOCK is the block if that is over, or -: should its pilot still run, it must not take the next attempt. Then looks
# at the attempt: a result that was written before counts.
give_up() {
  perdure_at=$2/.perdure
  ensure_attempt "$2"
  [ "$5" = - ] || command : >"blocks/$5/over"
  write_once "$perdure_at/tombstone" "$6" || {
    say "failed $1 the attempt's directory can't be written to"
    return
  }
  # By O_EXCL, as the wrapper takes it.
  (set -C && command : >"$perdure_at/run.lock") 2>/dev/null
  rm -f "ready/$3"
  [ "$4" = - ] || pbs qdel "$4" >/dev/null 2>&1
  look "$1" "$2" "$3" "$7"
}

# replace_attempt NUMBER PATH NAME ID EARLIER FROM: lets the result of attempt EARLIER, which was given up, count instead of this attempt,
# unless this one has begun. Only one process can make the fence: here it names EARLIER, and the wrapper makes it empty. Then looks at the
# attempt.
replace_attempt() {
  perdure_at=$2/.perdure
  printf 'replaced %s\n' "$5" >"$perdure_at/run.lock.$$.tmp"
  if [ -s "$perdure_at/run.lock.$$.tmp" ] && ln "$perdure_at/run.lock.$$.tmp" "$perdure_at/run.lock" 2>/dev/null; then
    rm -f "ready/$3"
    [ "$4" = - ] || pbs qdel "$4" >/dev/null 2>&1
  fi
  rm -f "$perdure_at/run.lock.$$.tmp"
  look "$1" "$2" "$3" "$6"
}

# replacing PATH: sets perdure_earlier to the attempt whose result counts instead of this one's; fails if its own result counts.
replacing() {
  perdure_earlier=
  perdure_word=
  [ -s "$1/.perdure/run.lock" ] && read -r perdure_word perdure_earlier <"$1/.perdure/run.lock" && [ "$perdure_word" = replaced ]
}

# late_result PATH: sets perdure_earlier to the newest earlier attempt that was given up and has left a result. Stops at an attempt that
# began and left none, and at one that has no tombstone here.
late_result() {
  # A preparation has no other attempt.
  case $1 in prepared/*) return 1 ;; esac
  perdure_earlier=${1##*/a}
  while perdure_earlier=$((perdure_earlier - 1)) && [ "$perdure_earlier" -gt 0 ]; do
    perdure_before=${1%/*}/a$perdure_earlier/.perdure
    [ -e "$perdure_before/tombstone" ] && [ ! -e "$perdure_before/stop" ] || return 1
    perdure_line=
    { read -r perdure_line <"$perdure_before/status"; } 2>/dev/null
    case $perdure_line in
      0 | '0 '*) [ ! -e "$perdure_before/result.json" ] || return 0 ;;
    esac
    [ ! -e "$perdure_before/pid" ] && [ ! -e "$perdure_before/owner" ] || return 1
  done
  return 1
}
