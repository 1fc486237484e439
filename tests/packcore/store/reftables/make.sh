#!/bin/sh
# Makes the tables in this folder. They were written by git 2.55 (development version 1a3e64c6c4).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export GIT_CONFIG_GLOBAL=/dev/null GIT_TEST_REFTABLE_AUTOCOMPACTION=false
export GIT_COMMITTER_NAME='C O Mitter' GIT_COMMITTER_EMAIL=c@example.com GIT_COMMITTER_DATE='1112911993 -0700'
export GIT_AUTHOR_NAME='A U Thor' GIT_AUTHOR_EMAIL=a@example.com GIT_AUTHOR_DATE='1112911993 -0700'

init() { # folder, object format
    git init -q --bare -b main --ref-format=reftable --object-format="$2" "$1"
    cd "$1"
    git config core.logAllRefUpdates true
    commit=$(git commit-tree -m x "$(git mktree </dev/null)")
}

# Two tables: every kind of value and logs; then one branch deleted and one made.
init "$work/kinds" sha1
git update-ref refs/heads/main "$commit"
git tag -a -m t v1 "$commit"
git symbolic-ref refs/heads/alias refs/heads/main
git update-ref refs/heads/gone "$commit"
git pack-refs --all
printf 'delete refs/heads/gone\ncreate refs/heads/new %s\n' "$commit" | git update-ref --stdin
cp reftable/*.ref "$here"
cd "$here"
mv 0x000000000001-*.ref kinds-1.ref
mv 0x*.ref kinds-2.ref

# Version 2, with the ids of SHA-256.
init "$work/sha256" sha256
git update-ref refs/heads/main "$commit"
git pack-refs --all
cp reftable/*.ref "$here/sha256.ref"

# Many small blocks: an index over the refs whose last level is one block, or two side by side; no log.
for sample in 'levels 219' 'siblings 129'; do
    set -- $sample
    init "$work/$1" sha1
    git config core.logAllRefUpdates false
    git config reftable.blockSize 128
    git config reftable.restartInterval 3
    seq 100 "$2" | sed "s/\(.*\)/create refs\/heads\/b\1 $commit/" | git update-ref --stdin
    git pack-refs --all
    cp reftable/*.ref "$here/$1.ref"
done
rm -rf "$work"
