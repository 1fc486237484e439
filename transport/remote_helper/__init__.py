"""`git push packcore::URL`: what git asks of a remote helper, and how it is done here (gitremote-helpers).

commands      lines of git -> commands; no I/O
options       what `option` lines set, and the answers to them
answers       lists of refs and verdicts on refs -> lines for git
push_plan     the commands of a push, and the target's list -> what to do with each ref (pure)
verdicts      what came of a push -> git's own words for each ref
pushing       a push by the sync engine, out of the repository that git stands in
carrier       `stateless-connect`: git's own fetch in protocol v2, carried by our transports
fetch_rpc     `fetch`, where the server speaks an older protocol: `git fetch-pack`, carried likewise
git_config    `git config` -> options of a transport and of a push
session       the loop: a command in, an answer out
"""
