#!/usr/bin/env bash
# Evaluate, write reports and the job summary, and annotate what was not met.
#
# Inputs come as variables RW_…; their values are words of the command line and never code. The
# exit code is that of recsys-workbench.
set -uo pipefail

escaped() { # the text of a workflow command
  local text="${1//'%'/%25}"
  text="${text//$'\r'/%0D}"
  printf '%s' "${text//$'\n'/%0A}"
}

refuse() {
  echo "::error title=recsys-workbench::$(escaped "$1")"
  finish 2
}

finish() { # exit code
  local verdict=failed
  case "$1" in
    0) verdict=met ;;
    1) verdict=not-met ;;
    2) verdict=invalid ;;
    130) verdict=interrupted ;;
  esac
  printf '%s\n' "exit-code=$1" "verdict=$verdict" "report-dir=$reports" >>"$GITHUB_OUTPUT"
  exit "$1"
}

reports=""
for name in SUITE DATASET MODELS BASELINE REPORT_DIR RUNS_DIR DATA_DIR; do
  variable="RW_$name"
  if [[ "${!variable}" == *[$'\n\r']* ]]; then
    refuse "input $(tr 'A-Z_' 'a-z-' <<<"$name"): it has a line break"
  fi
done
reports="$RW_REPORT_DIR"
[[ -n "$reports" ]] || refuse "input report-dir: it is empty"

words=(--headless "--runs-dir=$RW_RUNS_DIR" "--data-dir=$RW_DATA_DIR" eval --plain)
words+=("--suite=$RW_SUITE")
[[ -z "$RW_DATASET" ]] || words+=("--dataset=$RW_DATASET")
[[ -z "$RW_MODELS" ]] || words+=("--models=$RW_MODELS")
[[ -z "$RW_BASELINE" ]] || words+=("--baseline=$RW_BASELINE")

add_lines() { # what stands before each line, lines
  local line
  while IFS= read -r line || [[ -n "$line" ]]; do
    line="${line%$'\r'}"
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    [[ -z "$line" ]] || words+=("$1$line")
  done <<<"$2"
}
add_lines --gate= "$RW_GATES"
add_lines --tolerance= "$RW_TOLERANCES"
add_lines "" "$RW_OPTIONS"
for file in report.json report.md report.html junit.xml; do
  words+=("--report=$reports/$file")
done
if [[ "$RW_BASELINE" -ef "$reports/report.json" ]]; then
  refuse "input baseline: this step writes its report there; keep the baseline in another folder"
fi

start="$(mktemp)" # what is newer than it was written by this step
said="$(mktemp)"
trap 'rm -f "$start" "$said"' EXIT
written() { [[ "$reports/$1" -nt "$start" ]]; }

# Labels and messages come from data: what they say is no command to the runner. Both streams are
# one, so that none of their lines comes after the end of that.
token="$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')"
echo "::stop-commands::$token"
COLUMNS="${COLUMNS:-120}" "$RW_BIN/recsys-workbench" "${words[@]}" 2>&1 | tee -i "$said"
code="${PIPESTATUS[0]}"
echo "::$token::"

error="$(awk '/^error:/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$said" |
  head -n 4)"
if written report.json; then
  "$RW_BIN/python" -P -m workbench.reports.github "$reports/report.json" "$RW_SUITE" "$RW_BASELINE"
fi
[[ "$code" != 2 ]] || echo "::error title=recsys-workbench::$(escaped "$error")"

if written report.md; then
  head -c 900000 <"$reports/report.md" # GitHub shows at most 1 MiB
else
  printf '## recsys-workbench: exit code %s\n\n' "$code"
  sed 's/^/    /' <<<"$error" # indented, it is shown as it is
fi >>"$GITHUB_STEP_SUMMARY"
finish "$code"
