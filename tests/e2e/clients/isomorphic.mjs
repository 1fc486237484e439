// isomorphic-git as a client: a program with the verbs of tests.e2e.clients.kinds.
import fs from 'node:fs'
import git from 'isomorphic-git'
import http from 'isomorphic-git/http/node'

const NOT_OFFERED = 64
const [verb, ...words] = process.argv.slice(2)

async function main() {
  if (verb === 'ls-remote') {
    const refs = await git.listServerRefs({ http, url: words[0], protocolVersion: 1 })
    for (const { ref, oid } of refs) console.log(oid, ref)
  } else if (verb === 'clone') {
    const [url, dir, depth, filter] = words
    if (filter) return NOT_OFFERED
    await git.clone({ fs, http, dir, url, noCheckout: true, ...(depth && { depth: Number(depth), singleBranch: true }) })
  } else if (verb === 'fetch') {
    const [dir, url, depth] = words
    await git.fetch({ fs, http, dir, url, remote: 'origin', tags: true, ...(depth && { depth: Number(depth) }) })
  } else if (verb === 'push') {
    const [dir, url, refspec] = words
    const [ref, remoteRef] = refspec.replace(/^\+/, '').split(':')
    const result = await git.push({ fs, http, dir, url, ref, remoteRef, force: refspec.startsWith('+') })
    if (!result.ok) throw new Error(JSON.stringify(result))
  }
  return 0
}

// Not process.exit: it would cut off what is still to be printed.
main().then((code) => { process.exitCode = code }, (error) => {
  console.error(error.message)
  process.exitCode = 1
})
