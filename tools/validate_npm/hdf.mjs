// hdf.mjs RESULTS.hdf.json ASSESSMENT.json: Heimdall's own reader counts what our report counts, or this fails.
import fs from 'fs'
import * as read from 'inspecjs'
const inspecjs = read.default ?? read
const [results, assessment] = process.argv.slice(2)
const { profiles } = inspecjs.convertFile(fs.readFileSync(results, 'utf8'))['1_0_ExecJson']
const counts = {}
for (const control of profiles[0].controls) {
  const status = inspecjs.hdfWrapControl(control).status
  counts[status] = (counts[status] ?? 0) + 1
}
const report = JSON.parse(fs.readFileSync(assessment))
const said = { ...report.coverage.by_status }
for (const one of report.fleet) said[one.status] += 1
const expected = {
  Passed: said.pass,
  Failed: said.fail,
  'Not Applicable': said.not_applicable,
  'Not Reviewed': said.not_checked + said.manual,
  'Profile Error': said.error,
}
for (const [status, count] of Object.entries(expected)) {
  if ((counts[status] ?? 0) !== count) {
    console.log(`validate: inspecjs counts ${counts[status]} ${status}, the report ${count}`)
    process.exit(1)
  }
}
console.log(`validate: inspecjs counts as the report does: ${JSON.stringify(counts)}`)
