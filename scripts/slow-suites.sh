#!/bin/sh
# Runs the suites of test/slow in the order of test/slow/order.txt, two at a time: slow-suites.sh END, where END is a time in seconds
# since 1970. A line of the list gives a suite and the minutes that it needs. A suite that would not end before END is left out.
# Prints which suites did not run. The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.."
end=$1
order=test/slow/order.txt
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
grep -v '^#' "$order" | awk 'NF == 2 { print $1, $2 }' >"$results/todo"

# next: removes the first suite that would end before END from the list, and prints its name
next() {
  (
    flock 9
    left=$((end - $(date +%s)))
    name=$(awk -v left="$left" '$2 * 60 <= left { print $1; exit }' "$results/todo")
    [ -n "$name" ] || exit 0
    grep -v "^$name " "$results/todo" >"$results/rest"
    mv "$results/rest" "$results/todo"
    echo "$name"
  ) 9>"$results/lock"
}

# run_suites: runs one suite after the other until none is left that would end before END
run_suites() {
  while name=$(next) && [ -n "$name" ]; do
    sh scripts/test.sh slow --testPathPatterns "test/slow/$name\\.test" >"$results/$name.log" 2>&1
    echo "$?" >"$results/$name.status"
    cat "$results/$name.log"
  done
}
run_suites &
other=$!
run_suites
wait "$other"

passed=0
failed=0
for log in "$results"/*.log; do
  [ -e "$log" ] || continue
  name=$(basename "$log" .log)
  suite_passed=$(sed -n 's/^Tests:.* \([0-9][0-9]*\) passed.*/\1/p' "$log" | tail -1)
  suite_failed=$(sed -n 's/^Tests:.* \([0-9][0-9]*\) failed.*/\1/p' "$log" | tail -1)
  [ "$(cat "$results/$name.status")" = 0 ] || [ "${suite_failed:-0}" != 0 ] || suite_failed=1
  passed=$((passed + ${suite_passed:-0}))
  failed=$((failed + ${suite_failed:-0}))
done
while read -r name minutes; do
  echo "did not run: test/slow/$name (about $minutes min)"
done <"$results/todo"
echo "$passed passed, $failed failed"
