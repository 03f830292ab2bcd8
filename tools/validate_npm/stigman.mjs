// stigman.mjs FILE...: STIG Manager's own importer takes every checklist, with a revision and a review for each rule.
import fs from 'fs'
import { XMLParser } from 'fast-xml-parser'
import * as read from '@nuwcdivnpt/stig-manager-client-modules'
const { reviewsFromCkl, reviewsFromCklb } = read.default ?? read
const always = { enabled: 'always', required: 'always' }
const importOptions = {
  autoStatus: { fail: 'saved', pass: 'saved', notapplicable: 'saved' },
  unreviewed: 'commented', unreviewedCommented: 'informational',
  emptyDetail: 'replace', emptyComment: 'ignore', allowCustom: true,
}
for (const file of process.argv.slice(2)) {
  const data = fs.readFileSync(file, 'utf8')
  const options = { data, fieldSettings: { detail: always, comment: always }, allowAccept: false, importOptions, XMLParser, sourceRef: file }
  const found = file.endsWith('.cklb') ? reviewsFromCklb(options) : reviewsFromCkl(options)
  for (const one of found.checklists) {
    if (!one.revisionStr || !one.reviews.length) throw new Error(`${file}: ${JSON.stringify(one).slice(0, 300)}`)
    console.log(`validate: STIG Manager takes ${file.split('/').pop()}: ${one.benchmarkId} ${one.revisionStr} ${JSON.stringify(one.stats)}`)
  }
}
