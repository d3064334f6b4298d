#!/bin/sh
# ShellCheck over every shell script of the project.
set -eu

# shellcheck disable=SC2016 # the text is a script, not to be expanded here
if printf '#!/bin/sh\nrm -rf $1/x\n' | shellcheck -S info - >/dev/null; then
    echo "shell.sh: self-test: an unquoted variable was not noticed" >&2
    exit 1
fi
git ls-files --cached --others --exclude-standard '*.sh' .ci/run deploy/ci/debian13 |
    xargs -r -P "${JOBS:-$(nproc)}" -n 8 shellcheck -S warning -x -P SCRIPTDIR
