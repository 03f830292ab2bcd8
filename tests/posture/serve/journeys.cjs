// Three readers' ways through the running dashboard, and a fourth reader who sees one system only: signs in by the form,
// follows links as they would, and prints for each page, as one JSON line, where it is, what it says and what axe-core says
// of it; a picture of each is kept in SHOTS. Nothing here waits for a time: each step waits for what it needs.
// usage: node journeys.cjs CHROMIUM BASE   (axe-core and playwright-core through NODE_PATH; ASKED holds names as JSON)
const { chromium } = require("playwright-core");
const source = require("fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "section508", "best-practice"];
const asked = JSON.parse(process.env.ASKED);
const PATIENCE_MS = 120000; // a page's first drawing on a machine that does much else

async function reader(browser, base, who) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true }); // axe is our own script
  context.setDefaultTimeout(PATIENCE_MS);
  context.setDefaultNavigationTimeout(PATIENCE_MS);
  const page = await context.newPage();
  let number = 0;
  async function told(name, more = {}) {
    await page.waitForLoadState("load");
    await page.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
    await page.evaluate(source);
    const said = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values } }), TAGS);
    number += 1;
    await page.screenshot({ path: `${process.env.SHOTS}/${who}-${number}-${name.replace(/[^a-z0-9]+/gi, "-")}.png` });
    const place = new URL(page.url());
    const line = {
      who, name, path: place.pathname, hash: place.hash, query: place.search, ...more,
      text: await page.locator("body").innerText(),
      violations: said.violations.map((one) => `${one.id}: ${one.nodes[0].html}`),
    };
    console.log(JSON.stringify(line));
  }
  async function go(path) {
    return (await page.goto(base + path, { waitUntil: "load" })).status();
  }
  await go("/sign-in");
  await page.fill("#name", asked.names[who]);
  await page.fill("#password", asked.password);
  await Promise.all([page.waitForURL(base + "/"), page.click("main button")]);
  return { page, told, go, end: () => context.close() };
}

async function follow(page, link) {
  const target = new URL(await link.getAttribute("href"), page.url()).href;
  await Promise.all([page.waitForURL(target), link.click()]);
}

// Overview, a path, and the fix that ends it.
async function headOfSecurity(browser, base) {
  const { page, told, end } = await reader(browser, base, "viewer");
  await told("overview");
  await follow(page, page.locator("nav a", { hasText: "Attack paths" }));
  await told("attack paths");
  await follow(page, page.locator(".ways h3 a").first());
  await told("path");
  const fix = page.locator('section[aria-labelledby="ends"] a[href^="/plan#"]').first();
  const title = await fix.innerText();
  await follow(page, fix);
  const shown = page.locator(`[id="${new URL(page.url()).hash.slice(1)}"]`);
  await shown.waitFor();
  await told("fix", { title, shown: await shown.innerText() });
  await end();
}

// The queue, a finding taken on, then what a later scan proved mended.
async function operations(browser, base) {
  const { page, told, go, end } = await reader(browser, base, "analyst");
  await follow(page, page.locator("nav a", { hasText: /^Work$/ }));
  await told("queue");
  await follow(page, page.locator('main th[scope="row"] a').first());
  await page.fill('input[name="ticket"]', "SOC-4711");
  const here = page.url();
  await Promise.all([page.waitForURL(here), page.locator('button[formaction="/work/ticket"]').click()]);
  await page.locator("dd", { hasText: "SOC-4711" }).first().waitFor();
  await told("finding");
  await follow(page, page.locator("nav a", { hasText: /^Fixed$/ }));
  await told("fixed");
  await follow(page, page.locator('section[aria-labelledby="receipts"] th a').first());
  await told("mended finding");
  await go(`/fixed?run=${asked.second}`);
  await told("paths gone");
  await end();
}

// A number, the host it counts, the answer it rests on, and the chain that all of it is in.
async function auditor(browser, base) {
  const { page, told, end } = await reader(browser, base, "auditor");
  await follow(page, page.locator(".figures a").nth(1));
  await told("hosts");
  await follow(page, page.locator(`a[href="/hosts/${asked.host}"]`).first());
  await told("host");
  await follow(page, page.locator('section[aria-labelledby="answers"] .digest a').first());
  await told("answer", { digest: await page.locator("p.digest code").innerText() });
  await follow(page, page.locator("nav a", { hasText: /^Audit$/ }));
  await told("audit");
  await end();
}

async function ofOneSystem(browser, base) {
  const { page, told, go, end } = await reader(browser, base, "narrow");
  const menu = await page.locator("nav a").allInnerTexts();
  for (const path of ["/", "/work", "/fixed", "/paths", "/plan", "/hosts"]) {
    const status = await go(path);
    await told(`page ${path}`, { status, menu });
  }
  for (const path of ["/audit", "/evidence", "/accounts", `/hosts/${asked.stranger}`]) {
    const status = await go(path);
    await told(`refused ${path}`, { status, menu });
  }
  await end();
}

(async () => {
  const [executablePath, base] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath, args: FLAGS, timeout: PATIENCE_MS });
  for (const walk of [headOfSecurity, operations, auditor, ofOneSystem]) await walk(browser, base);
  await browser.close();
})();
