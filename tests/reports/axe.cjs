// Opens reports in a browser and prints, as one JSON line each, what axe-core and the browser say of them.
// usage: node axe.cjs CHROMIUM REPORT...   (axe-core and playwright-core are found through NODE_PATH)
const { chromium } = require("playwright-core");
const source = require("fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "section508", "best-practice"];
// A scheme changes colours only, and a width changes none: no question is asked twice, for each takes seconds a page.
const COLOURS = ["color-contrast", "link-in-text-block"];
const ALL = { runOnly: { type: "tag", values: TAGS } };
const SCREENS = [
  ["light", 1280, ALL],
  ["dark", 1280, { runOnly: { type: "rule", values: COLOURS } }],
  ["light", 320, { ...ALL, rules: Object.fromEntries(COLOURS.map((id) => [id, { enabled: false }])) }],
];

async function look(browser, file, scheme, width, rules) {
  // axe is our own script here; the page's policy would rightly refuse it
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, bypassCSP: true });
  const page = await context.newPage();
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto("file://" + file);
  const first = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
  const wide = Math.max(first, await page.evaluate(() => document.documentElement.scrollWidth));
  await page.evaluate(source);
  const said = await page.evaluate((values) => axe.run(document, values), rules);
  const violations = said.violations.map((one) => `${one.id}: ${one.nodes.length} times, such as ${one.nodes[0].html}`);
  await context.close();
  return { file, scheme, width, wide, violations, passes: said.passes.length, requests };
}

// Where Tab leads without scripts: the text of each stop, in order.
async function stops(browser, file, many) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto("file://" + file);
  const found = [];
  for (let n = 0; n < many; n++) {
    await page.keyboard.press("Tab");
    found.push(await page.evaluate(() => {
      const here = document.activeElement, box = here.getBoundingClientRect(), style = getComputedStyle(here);
      return { tag: here.tagName, text: here.innerText.trim().slice(0, 60), seen: box.width > 0, ring: style.outlineStyle !== "none" };
    }));
  }
  await context.close();
  return { file, stops: found };
}

(async () => {
  const [executablePath, ...files] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  for (const file of files) {
    for (const [scheme, width, rules] of SCREENS) console.log(JSON.stringify(await look(browser, file, scheme, width, rules)));
    console.log(JSON.stringify(await stops(browser, file, 17)));
  }
  await browser.close();
})();
