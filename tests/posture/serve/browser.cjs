// Opens pages of the running dashboard in a signed-in session and prints, as one JSON line each, what axe-core and the
// browser say of them; with SHOTS set, a picture of each is kept in that folder.
// With NAME and PASSWORD set, a reader's way through the pages is walked without scripts as well.
// usage: node browser.cjs CHROMIUM BASE COOKIE=VALUE PATH...   (axe-core and playwright-core through NODE_PATH)
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

async function look(browser, base, cookie, path, scheme, width, rules) {
  const [name, value] = cookie.split("=");
  const settings = { colorScheme: scheme, viewport: { width, height: 900 } };
  const context = await browser.newContext({ ...settings, bypassCSP: true }); // axe is our own script here
  await context.addCookies([{ name, value, url: base, sameSite: "Strict" }]);
  const page = await context.newPage();
  const requests = [], errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (said) => said.type() === "error" && errors.push(said.text()));
  const answer = await page.goto(base + path, { waitUntil: "load" });
  const first = await page.evaluate(() => document.documentElement.scrollWidth);
  if (process.env.SHOTS) {
    const file = `${path.replace(/[^a-z0-9]+/gi, "_")}_${scheme}_${width}.png`;
    await page.screenshot({ path: `${process.env.SHOTS}/${file}`, fullPage: true });
  }
  await page.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
  const wide = Math.max(first, await page.evaluate(() => document.documentElement.scrollWidth));
  await page.evaluate(source);
  const said = await page.evaluate((values) => axe.run(document, values), rules);
  const violations = said.violations.map((one) => `${one.id}: ${one.nodes.length} times, such as ${one.nodes[0].html}`);
  await context.close();
  const elements = said.passes.length;
  return { path, scheme, width, status: answer.status(), wide, violations, passes: elements, requests, errors };
}

// What the strict policy lets through: the page again, with nothing bypassed, and what it complains of.
async function strictly(browser, base, cookie, path) {
  const [name, value] = cookie.split("=");
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.addCookies([{ name, value, url: base, sameSite: "Strict" }]);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(base + path, { waitUntil: "load" });
  const canvases = await page.evaluate(() => document.querySelectorAll("canvas").length);
  await context.close();
  return { path, strict: true, complaints, canvases };
}

// The head of security's way: sign in by the form, from the overview to a path, to its fix, to what that would come to.
async function journey(browser, base, name, password) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
  const page = await context.newPage();
  const told = [];
  const say = async (what) => told.push([what, new URL(page.url()).pathname, await page.locator("h2").first().innerText()]);
  await page.goto(base + "/");
  await page.fill("#name", name);
  await page.fill("#password", password);
  await page.click("main button");
  await say("signed in");
  await page.click("nav >> text=Attack paths");
  await page.locator(".ways h3 a").first().click();
  await say("a path");
  await page.locator("text=What if?").first().click();
  await say("what if");
  const then = await page.locator("main table").first().innerText();
  await page.locator("input[type=checkbox]").nth(1).check();
  await page.locator("main form button").first().click();
  await say("one more");
  const more = await page.locator("main table").first().innerText();
  await page.click("text=Sign out");
  await page.goto(base + "/paths");
  await say("signed out");
  await context.close();
  return { journey: told, then, more };
}

(async () => {
  const [executablePath, base, cookie, ...paths] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  for (const path of paths) {
    for (const [scheme, width, rules] of SCREENS) {
      console.log(JSON.stringify(await look(browser, base, cookie, path, scheme, width, rules)));
    }
    console.log(JSON.stringify(await strictly(browser, base, cookie, path)));
  }
  if (process.env.PASSWORD) console.log(JSON.stringify(await journey(browser, base, process.env.NAME, process.env.PASSWORD)));
  await browser.close();
})();
